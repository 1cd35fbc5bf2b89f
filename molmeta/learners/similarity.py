"""Similarity search: Tanimoto similarity to the active compounds of the support."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import torch

from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners.base import MetaLearner, Predictor, require_both_classes
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

    The support must hold an active and an inactive.

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

    papers = (
        Paper(
            authors="Willett, Peter; Barnard, John M.; Downs, Geoffrey M.",
            year=1998,
            title="Chemical Similarity Searching",
            venue="Journal of Chemical Information and Computer Sciences",
            kind="article",
            doi="10.1021/ci9800211",
        ),
    )
    use_when = (
        "you search a library from a few actives; the baseline to beat there (`docs/enrichment.md`)"
    )
    meta_trained: ClassVar[bool] = False
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
        require_both_classes(support.labels)
        known, active = bits_of(support.molecules), support.labels > 0.5
        among = tanimoto(known, known).fill_diagonal_(0)
        centre = self._score(among, active).mean()
        prior = torch.logit(support.labels.mean())

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
