"""The interface of all encoders: from molecules to one vector each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from molmeta.assays.training_data import TrainingData
    from molmeta.molecules.blocks import Molecules


class Paper(NamedTuple):
    """A publication behind a learner or an encoder, for the tables and `CITATION.cff`.

    Attributes:
        authors: "Family, Given" of each author, separated by "; ".
        year: year of publication.
        title: title as published.
        venue: conference, journal or publisher.
        kind: type of reference in the Citation File Format.
        doi: empty for a publication without one.
    """

    authors: str
    year: int
    title: str
    venue: str
    kind: Literal["conference-paper", "article", "book"] = "conference-paper"
    doi: str = ""

    @property
    def first_author(self) -> str:
        """Family name of the only author, of two authors, or of the first one with "et al."."""
        families = [author.partition(",")[0] for author in self.authors.split("; ")]
        if len(families) > 2:
            return f"{families[0]} et al."
        return " and ".join(families)


class Encoder(nn.Module, ABC):
    """Base class of encoders. A subclass in a file of this folder is found by its file name.

    The keyword-only arguments of the constructor are its options. An encoder must not normalise
    over the batch, so that a vector depends on its own molecule alone.

    Attributes:
        width: length of a vector.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    papers: ClassVar[tuple[Paper, ...]] = ()
    """Publications of the method, for `CITATION.cff`."""
    search: ClassVar[Mapping[str, Any]] = {}
    """Values of options to try in tuning, as `MetaLearner.search`."""
    width: int

    @property
    def featurizers(self) -> tuple[str, ...]:
        """Names of the blocks that it reads from molecules."""
        return self.reads

    @property
    def final(self) -> nn.Linear | None:
        """The linear map that ends the encoder, None if it ends with something else."""
        return None

    @abstractmethod
    def forward(self, molecules: Molecules) -> Tensor:
        """Return one vector for each molecule, shape (G, width)."""

    def directions(self, molecules: Molecules) -> Tensor:
        """Return vectors scaled to length 1, shape (G, width); their products are cosines."""
        return F.normalize(self(molecules), dim=1)

    def fit(self, data: TrainingData) -> None:
        """Compute fixed statistics, such as means, from the training data."""


class Joined(Encoder):
    """Several encoders side by side; their vectors are concatenated."""

    def __init__(self, parts: Sequence[Encoder]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.width = sum(part.width for part in parts)

    @property
    def encoders(self) -> list[Encoder]:
        return [part for part in self.parts if isinstance(part, Encoder)]

    @property
    def featurizers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.encoders for name in part.featurizers))

    def part(self, name: str) -> Encoder | None:
        """The first part with this name, the name of its file; None if there is none."""
        named = (p for p in self.encoders if type(p).__module__.rpartition(".")[2] == name)
        return next(named, None)

    def without(self, part: Encoder) -> Joined:
        """The other parts side by side; they share their weights with this encoder."""
        return Joined([other for other in self.encoders if other is not part])

    def forward(self, molecules: Molecules) -> Tensor:
        return torch.cat([part(molecules) for part in self.encoders], dim=1)

    def directions(self, molecules: Molecules) -> Tensor:
        """Return vectors of length 1 whose products are the mean of the parts' cosines."""
        parts = [part.directions(molecules) for part in self.encoders]
        return torch.cat(parts, dim=1) / len(parts) ** 0.5

    def fit(self, data: TrainingData) -> None:
        for part in self.encoders:
            part.fit(data)
