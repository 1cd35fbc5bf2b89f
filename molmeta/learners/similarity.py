"""Similarity search, the chemist's own way of using a few known actives. Learns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import torch

from molmeta.errors import ConfigError
from molmeta.learners.base import MetaLearner, Predictor, require_support
from molmeta.molecules.similarity import FINGERPRINT, bits_of, tanimoto

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

Mode = Literal["max", "mean", "difference"]


class Similarity(MetaLearner):
    """Rank by Tanimoto similarity to the support's actives.

    score(x) = max over actives a of T(x, a) in mode `max`, the mean over them in mode `mean`, and
    in mode `difference` the maximum over actives less the maximum over inactives. A search gives
    no probability; logit = logit of the support's share of actives + steepness * (score - c),
    with c the mean score of the support's molecules to the others, keeps its order and says of a
    molecule that is no more similar than they are what the share of actives says.

    A support of actives alone is ranked the same way, except in mode `difference`, which needs
    inactives. Its share of actives says nothing, so 1/2 takes its place in the logit.

    Args:
        encoder: not used; learners take one.
        mode: how similarities become one score.
        steepness: how fast log-odds grow with the score, above 0.

    Raises:
        ConfigError: an unknown mode or a steepness that is not above 0.

    Source:
        Willett, Barnard and Downs, J. Chem. Inf. Comput. Sci. 1998, 38, 983 (similarity search);
        Hert et al., J. Chem. Inf. Comput. Sci. 2004, 44, 1177 (the maximum over several actives).
    """

    meta_trained: ClassVar[bool] = False
    actives_only: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = (FINGERPRINT,)

    def __init__(
        self, encoder: Encoder | None = None, *, mode: Mode = "max", steepness: float = 3.0
    ) -> None:
        super().__init__(encoder)
        if mode not in get_args(Mode):
            raise ConfigError(
                f"similarity: mode is unknown; got '{mode}', expected one of "
                f"{', '.join(get_args(Mode))}. Correct it in the learner's options."
            )
        if not steepness > 0:
            raise ConfigError(
                f"similarity: steepness would turn the ranking round; got {steepness}, expected "
                "a number above 0. Correct it in the learner's options."
            )
        self.mode, self.steepness = mode, steepness

    def adapt(self, support: Labelled) -> Predictor:
        require_support(support.labels, actives_only=self.mode != "difference")
        known, active = bits_of(support.molecules), support.labels > 0.5
        among = tanimoto(known, known).fill_diagonal_(0)
        centre = self._score(among, active).mean()
        prior = torch.logit(support.labels.mean()) if not active.all() else torch.tensor(0.0)

        def predict(molecules: Molecules) -> Tensor:
            score = self._score(tanimoto(bits_of(molecules), known), active)
            return prior + self.steepness * (score - centre)

        return predict

    def _score(self, similarity: Tensor, active: Tensor) -> Tensor:
        if self.mode == "mean":
            return similarity[:, active].mean(dim=1)
        highest = similarity[:, active].amax(dim=1)
        if self.mode == "max":
            return highest
        return highest - similarity[:, ~active].amax(dim=1)
