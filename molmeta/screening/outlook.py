"""Whether a model will help with this support, judged on the support alone. Scores no library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.models.named import baseline
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.compounds import compound
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.learners import MetaLearner
    from molmeta.models.model import Model
    from molmeta.molecules.blocks import Molecules

PAIRS = 200
WORTH = 0.6
"""Below this the ranking of new compounds is not to be trusted; measured in docs/fsmol.md."""


@dataclass(frozen=True)
class Outlook:
    """How well the support's own compounds are ranked by what is learnt from the others.

    Attributes:
        auroc: share of pairs of an active and an inactive that the model puts in order when it
            has seen neither; NaN where a class has fewer than two.
        similarity: the same of similarity search.
        error: standard error of `auroc`, from the smaller class.
    """

    auroc: float
    similarity: float
    error: float

    @property
    def warning(self) -> str:
        """What a chemist should be told; "" where there is nothing to warn of."""
        if np.isnan(self.auroc):
            return (
                "fewer than two actives or two inactives: nothing can be said of how well this "
                "assay will be predicted. Measure a few more compounds."
            )
        if self.auroc < WORTH:
            return (
                f"the model puts only {self.auroc:.0%} of the support's own pairs in order "
                "(50 % is chance): its ranking is not to be trusted for this assay. Measure more "
                "compounds, or look whether the labels agree with each other."
            )
        return ""


def outlook(
    model: Model, smiles: Sequence[str], active: Sequence[int], *, pairs: int = PAIRS, seed: int = 0
) -> Outlook:
    """Judge a model on a support by leaving out a pair of an active and an inactive at a time.

    Leaving out one compound alone would be unfair: it shifts the share of actives against it.

    Args:
        model: what would be adapted.
        smiles: S SMILES that parse.
        active: 1 for active and 0 for inactive, S of them.
        pairs: pairs to leave out at most, drawn where there are more.
        seed: of that draw.

    Source:
        Airola et al., An experimental comparison of cross-validation techniques for estimating
        the area under the ROC curve, Comput. Stat. Data Anal. 2011, 55, 1828 (leave-pair-out).
    """
    rival = baseline("similarity")
    names = tuple(dict.fromkeys((*model.featurizers, *rival.featurizers)))
    molecules = featurize([compound(text).smiles for text in smiles], names)
    labels = np.asarray(active, np.float32)
    return judge(model.learner, rival.learner, molecules, labels, pairs=pairs, seed=seed)


def judge(
    learner: MetaLearner,
    rival: MetaLearner,
    molecules: Molecules,
    labels: NDArray[np.float32],
    *,
    pairs: int = PAIRS,
    seed: int = 0,
) -> Outlook:
    """Judge a learner on a featurized support, as `outlook` does, beside a rival."""
    left_out = _pairs(labels, pairs, seed)
    if len(left_out) == 0:
        return Outlook(float("nan"), float("nan"), float("nan"))
    found, other = (_in_order(one, molecules, labels, left_out) for one in (learner, rival))
    spread = found * (1 - found) / min(labels.sum(), len(labels) - labels.sum())
    return Outlook(found, other, float(np.sqrt(spread)))


def _pairs(labels: NDArray[np.float32], n: int, seed: int) -> NDArray[np.int64]:
    """Return places of (active, inactive), shape (P, 2); none where that would empty a class."""
    actives, inactives = np.flatnonzero(labels > 0.5), np.flatnonzero(labels <= 0.5)
    if min(len(actives), len(inactives)) < 2:
        return np.zeros((0, 2), np.int64)
    every = np.stack(np.meshgrid(actives, inactives), axis=-1).reshape(-1, 2)
    drawn = generator(seed, "outlook").permutation(len(every))[:n]
    return every[drawn]


def _in_order(
    learner: MetaLearner,
    molecules: Molecules,
    labels: NDArray[np.float32],
    left_out: NDArray[np.int64],
) -> float:
    with torch.no_grad():
        prepared = learner.prepare(molecules.only(learner.featurizers))
    scores = [scored_without(learner, prepared, labels, pair) for pair in left_out]
    return sum((active > inactive) + (active == inactive) / 2 for active, inactive in scores) / len(
        scores
    )


def scored_without(
    learner: MetaLearner,
    molecules: Molecules,
    labels: NDArray[np.float32],
    places: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the log odds of some compounds of a support by what is learnt from the others.

    Args:
        learner: is adapted to the others.
        molecules: of the support, S of them.
        labels: shape (S,).
        places: of the compounds to leave out, shape (P,).
    """
    others = np.setdiff1d(np.arange(len(labels)), places)
    support = Labelled(molecules.select(tensor_of(others)), tensor_of(labels[others]))
    with torch.no_grad():
        found = learner.adapt(support)(molecules.select(tensor_of(places)))
    return found.double().cpu().numpy()
