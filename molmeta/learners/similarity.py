"""Similarity search: Tanimoto similarity to the active compounds of the support."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import torch

from molmeta.encoders.base import Encoder, Paper
from molmeta.errors import ConfigError
from molmeta.learners._parts.tuning import require
from molmeta.learners.base import MetaLearner, Predictor, complements, require_support
from molmeta.molecules.similarity import FINGERPRINT, bits_of, similarity_to, tanimoto

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

Mode = Literal["max", "mean", "difference"]


class Similarity(MetaLearner):
    """Rank molecules by their Tanimoto similarity to the support's actives.

    score(x) is the maximum of T(x, a) over the actives a (mode `max`) or their mean (`mean`).
    `difference` is the maximum over actives minus the maximum over inactives. A similarity search
    has no probabilities. Here, logit = logit(p) + steepness * (score - c), where p is the support's
    share of actives, and c the mean score of its molecules against the others. This keeps the
    ranking; a molecule as similar as those of the support gets probability p.

    A support of actives alone is ranked the same way with p = 1/2, except in mode `difference`,
    which needs inactives. Hert et al., J. Chem. Inf. Comput. Sci. 2004, 44, 1177, compare ways to
    combine the similarities to several actives.

    Args:
        encoder: not used; accepted because all learners take one.
        mode: how similarities are combined to a score.
        steepness: increase of the log-odds with the score, above 0.

    Raises:
        ConfigError: the mode is unknown or the steepness is not above 0.
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
        # A negative steepness would reverse the ranking.
        require("similarity", {"steepness": (steepness, steepness > 0, "a number above 0")})
        self.mode, self.steepness = mode, steepness

    @property
    def for_libraries(self) -> bool:
        return True

    def adapt(self, support: Labelled) -> Predictor:
        require_support(support.labels, actives_only=self.mode != "difference")
        support_bits, active = bits_of(support.molecules), support.labels > 0.5
        intercept = self._intercept(tanimoto(support_bits, support_bits), support.labels)
        # Inactives count in one mode only; the others need not be compared with them.
        compared = (
            torch.arange(len(active)) if self.mode == "difference" else active.nonzero()[:, 0]
        )
        similarity, among = similarity_to(support_bits.select(compared)), active[compared]

        def predict(molecules: Molecules) -> Tensor:
            return intercept + self.steepness * self._score(similarity(bits_of(molecules)), among)

        return predict

    def left_out(self, support: Labelled, rows: Tensor) -> Tensor:
        bits = bits_of(support.molecules)
        similarity = tanimoto(bits, bits)
        outputs: list[Tensor] = []
        for left, others in zip(rows, complements(rows, len(support)), strict=True):
            labels = support.labels[others]
            require_support(labels, actives_only=self.mode != "difference")
            intercept = self._intercept(similarity[others][:, others], labels)
            score = self._score(similarity[left][:, others], labels > 0.5)
            outputs.append(intercept + self.steepness * score)
        return torch.stack(outputs)

    def _intercept(self, similarity: Tensor, labels: Tensor) -> Tensor:
        """Return logit(p) - steepness * c, from similarities within the support, shape (S, S)."""
        # A molecule's similarity to itself, always 1, would raise the centre.
        itself = torch.eye(len(labels), dtype=torch.bool, device=similarity.device)
        active = labels > 0.5
        centre = self._score(similarity.masked_fill(itself, 0), active).mean()
        prior = centre.new_zeros(()) if active.all() else torch.logit(labels.mean())
        return prior - self.steepness * centre

    def _score(self, similarity: Tensor, active: Tensor) -> Tensor:
        to_actives = similarity if active.all() else similarity[:, active]
        if self.mode == "mean":
            return to_actives.mean(dim=1)
        highest = to_actives.amax(dim=1)
        if self.mode == "max":
            return highest
        return highest - similarity[:, ~active].amax(dim=1)
