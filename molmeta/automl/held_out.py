"""Predictions for compounds of a support by learners that have not seen them."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.errors import MolMetaError, one_line
from molmeta.evaluation.metrics.ranking import auroc, delta_auprc
from molmeta.evaluation.metrics.values import r2
from molmeta.learners.base import predicted_left_out
from molmeta.molecules.blocks import tensor_of
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from molmeta.learners.base import MetaLearner
    from molmeta.molecules.labelled import Labelled

FOLDS = 5
FAILURES = (MolMetaError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""What a learner may raise on an unusual support; the other candidates are still judged."""
_log = logging.getLogger(__name__)


@dataclass
class HeldOut:
    """Predictions of each learner for compounds that were held out while it adapted.

    Attributes:
        support: S featurized compounds.
        outputs: logits or values by learner, a row for each repeat, shape (R, S).
        failures: reason by learner.
        seconds: time by learner.
        titles: name of a learner for people to read; without one, its own name is logged.
    """

    support: Labelled
    outputs: dict[str, NDArray[np.float64]] = field(
        default_factory=dict[str, "NDArray[np.float64]"]
    )
    failures: dict[str, str] = field(default_factory=dict[str, str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    titles: Mapping[str, str] = field(default_factory=dict[str, str])

    def judge(
        self,
        learners: Mapping[str, MetaLearner],
        *,
        repeat: int = 0,
        seed: int = 0,
        deadline: float = float("inf"),
    ) -> None:
        """Add one repeat of cross-validation for learners that have not failed.

        Args:
            learners: by name.
            repeat: number of the repeat, from 0; the folds depend on it and on the seed.
            seed: of the folds.
            deadline: `time.monotonic` after which no further learner is judged.
        """
        fold_of = folds(self.support.labels.cpu().numpy(), generator(seed, "folds", repeat))
        if fold_of.max(initial=0) < 1:
            return
        for name, learner in learners.items():
            if name in self.failures or (repeat and name not in self.outputs):
                continue
            start = time.monotonic()
            if start > deadline:
                return
            try:
                outputs = _left_out(learner, self.support, fold_of)
            except FAILURES as error:
                self.failures[name] = one_line(error)
                _log.warning("%s left out: %s", self.titles.get(name, name), one_line(error))
                continue
            kept = self.outputs.get(name, np.zeros((0, len(fold_of))))
            self.outputs[name] = np.vstack([kept, outputs])
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start


def folds(labels: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    """Stratified folds: the number of the fold of each compound, shape (S,).

    There are as many folds as the smaller class has compounds, at most `FOLDS`. With fewer than
    two, every compound is in fold 0, because nothing can be held out.
    """
    fold_of: NDArray[np.int64] = np.zeros(len(labels), np.int64)
    n_active = int((labels > 0.5).sum())
    n_folds = min(FOLDS, n_active, len(labels) - n_active)
    if n_folds < 2:
        return fold_of
    shift = 0
    for label in (0, 1):
        rows = rng.permutation(np.flatnonzero((labels > 0.5) == label))
        # The next class continues where one ends, so that the folds differ by one compound at most.
        fold_of[rows] = (np.arange(len(rows)) + shift) % n_folds
        shift += len(rows)
    return fold_of


def scores(labels: NDArray[np.float32], outputs: NDArray[np.float64]) -> dict[str, float]:
    """AUROC, delta-AUPRC and hits in the top 10 of 100, from outputs of shape (S,)."""
    return {
        "delta_auprc": delta_auprc(labels, outputs),
        "auroc": auroc(labels, outputs),
        "hits": hits_in_ten(labels, outputs),
    }


def hits_in_ten(labels: NDArray[np.float32], outputs: NDArray[np.float64]) -> float:
    """Hits in the top 10 of 100 compounds, from the share of actives in the best tenth."""
    n_top = max(round(len(labels) / 10), 1)
    # Tied compounds have no order: each counts with the share of places that its group gets.
    order = np.argsort(-outputs, kind="stable")
    last = outputs[order[n_top - 1]]
    above, tied = outputs > last, outputs == last
    share = (n_top - above.sum()) / tied.sum()
    return float(10 * (labels[above].sum() + share * labels[tied].sum()) / n_top)


def mean_score(support: Labelled, repeats: Iterable[NDArray[np.float64]], measure: str) -> float:
    """Delta-AUPRC or R² of held-out outputs, averaged over repeats."""
    if measure == "r2" and support.values is not None:
        values = support.values.double().cpu().numpy()
        return float(np.mean([r2(values, scores, float(values.mean())) for scores in repeats]))
    labels = support.labels.double().cpu().numpy()
    return float(np.mean([delta_auprc(labels, scores) for scores in repeats]))


def _left_out(
    learner: MetaLearner, support: Labelled, fold_of: NDArray[np.int64]
) -> NDArray[np.float64]:
    outputs = np.zeros(len(fold_of))
    with torch.no_grad():
        prepared = replace(support, molecules=learner.prepare(support.molecules))
        for fold in range(int(fold_of.max()) + 1):
            rows = np.flatnonzero(fold_of == fold)
            (predicted,) = predicted_left_out(learner.adapt, prepared, tensor_of(rows)[None])
            outputs[rows] = predicted.double().cpu().numpy()
    if not np.isfinite(outputs).all():
        raise ArithmeticError("predictions that are not finite")
    return outputs
