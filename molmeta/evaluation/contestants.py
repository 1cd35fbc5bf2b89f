"""The models that take part in a search for hidden actives, and the compounds that they score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.errors import ConfigError, unknown_name
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.molecules.labelled import Labelled

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.learners.base import MetaLearner

CHUNK = 4096
PRESUMED = 100
"""Library compounds that the variant `presumed` adds to a support as inactives."""
VARIANTS = ("", "actives", "presumed")


@dataclass(frozen=True)
class Contestant:
    """A model, and the part of a support that it sees.

    Attributes:
        learner: the model's learner.
        variant: "" for the whole support; "actives" for its actives alone; "presumed" for the
            support and library compounds as presumed inactives.

    Raises:
        ConfigError: the variant is unknown.
    """

    learner: MetaLearner
    variant: str = ""

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ConfigError(f"enrichment: {unknown_name('variant', self.variant, VARIANTS)}")

    @property
    def most_presumed(self) -> int:
        """Largest number of presumed inactives that it gets in addition to a support."""
        return PRESUMED if self.variant == "presumed" else int(not self.learner.actives_only)

    def seen(self, active: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which compounds of a support it sees."""
        return active if self.variant == "actives" else np.ones_like(active)

    def n_presumed(self, active: NDArray[np.bool_]) -> int:
        """Number of presumed inactives that it gets in addition to a support.

        A learner that needs an inactive and sees none gets one.
        """
        lacks_none = self.variant == "" and not active.all()
        return 0 if lacks_none else self.most_presumed


@dataclass(frozen=True)
class TargetPool:
    """The compounds of a target, followed by those of a library.

    Attributes:
        compounds: all P compounds, as one contestant reads them, with their labels: 1 for active,
            0 for inactive or presumed inactive.
        chunks: the same molecules in parts.
    """

    compounds: Labelled
    chunks: tuple[Molecules, ...]

    @classmethod
    def of(cls, molecules: Molecules, labels: Tensor) -> TargetPool:
        """Return a pool that is scored in chunks."""
        rows = torch.arange(len(molecules), device=molecules.device)
        chunks = tuple(molecules.select(part) for part in torch.split(rows, CHUNK))
        return cls(Labelled(molecules, labels.to(molecules.device)), chunks)

    def select(self, rows: NDArray[np.int64]) -> Labelled:
        """Return these compounds in order."""
        index = tensor_of(rows).to(self.compounds.labels.device)
        return self.compounds.select(index)
