"""Checks on the support alone whether a model will help with this assay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.models.named import baseline
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.molecules.compounds import standard_smiles
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.learners import MetaLearner
    from molmeta.models.model import Model

MOST_PAIRS, FEWEST_PAIRS = 200, 20
COMPOUNDS = 20_000
"""Compounds adapted to in all, over all pairs: 2 s for 500 compounds and the pretrained model."""
SLOW = frozenset({"random_forest", "single_task", "finetune"})
"""Learners that fit a new model to every support, which takes up to a second."""
WORTH = 0.6
"""AUROC below which the order of analogues is not reliable; measured in docs/fsmol.md."""


@dataclass(frozen=True)
class Outlook:
    """How well a model orders analogues: compounds of the support that it was not adapted to.

    Attributes:
        auroc: share of pairs of an active and an inactive that are ranked correctly when the
            model is adapted to the other compounds; NaN if a class has fewer than two.
        similarity: the same for similarity search.
        error: standard error of `auroc`, from the smaller class.
    """

    auroc: float
    similarity: float
    error: float

    @property
    def warning(self) -> str:
        """A warning for the chemist, or ""."""
        if np.isnan(self.auroc):
            return (
                "The table has fewer than two actives or two inactives, so the order of close "
                "analogues cannot be checked. Measure a few more compounds. This does not concern "
                "the search for relatives of the actives in a library."
            )
        if self.auroc < WORTH:
            return (
                "With an active and an inactive of the table left out in turn, the model ranks "
                f"only {100 * self.auroc:.0f} % of these pairs correctly (50 % is chance). Do not "
                "choose between close analogues by its scores: measure more compounds, or check "
                "the labels for contradictions. This does not test the search for relatives of "
                "the actives in a library."
            )
        return ""


def pairs_for(model: Model, n_compounds: int) -> int:
    """Number of pairs to leave out; it depends on the model and the support's size alone.

    Example:
        >>> from molmeta.models.named import baseline
        >>> [pairs_for(baseline("tanimoto_gp"), n) for n in (24, 250, 500)]
        [200, 80, 40]
    """
    if model.recipe.learner in SLOW:
        return FEWEST_PAIRS
    return max(FEWEST_PAIRS, min(MOST_PAIRS, COMPOUNDS // max(n_compounds, 1)))


def outlook(
    model: Model,
    smiles: Sequence[str],
    active: Sequence[int],
    *,
    pairs: int | None = None,
    seed: int = 0,
) -> Outlook:
    """Judge a model on a support by leaving out one active and one inactive at a time.

    Leaving out a single compound would bias the result: it shifts the share of actives against
    the class of that compound.

    Args:
        model: the model to adapt.
        smiles: S SMILES that parse.
        active: 1 for active and 0 for inactive, S of them.
        pairs: number of pairs to draw, if there are more; None takes `pairs_for`.
        seed: of the draw.

    Source:
        Airola et al., An experimental comparison of cross-validation techniques for estimating
        the area under the ROC curve, Comput. Stat. Data Anal. 2011, 55, 1828 (leave-pair-out).
    """
    search = baseline("similarity")
    names = tuple(dict.fromkeys((*model.featurizers, *search.featurizers)))
    molecules = featurize([standard_smiles(text) for text in smiles], names)
    labels = np.asarray(active, np.float32)
    pairs = pairs_for(model, len(labels)) if pairs is None else pairs
    return judge(model.learner, search.learner, molecules, labels, pairs=pairs, seed=seed)


def unsuited_for_libraries(model: Model) -> str:
    """Return a warning for the chemist if a model is not made for libraries, or ""."""
    if model.for_libraries:
        return ""
    return (
        f"The learner '{model.recipe.learner}' orders analogues of the measured compounds. It was "
        "not trained to distinguish actives from the other compounds of a library: actives may be "
        "far down the list, and the hits expected may be far too many. Use the model "
        "'pretrained' to search a library."
    )


def judge(
    learner: MetaLearner,
    search: MetaLearner,
    molecules: Molecules,
    labels: NDArray[np.float32],
    *,
    pairs: int = MOST_PAIRS,
    seed: int = 0,
) -> Outlook:
    """Judge a learner on a featurized support, as `outlook` does, next to similarity search."""
    left_out = _pairs(labels, pairs, seed)
    if len(left_out) == 0:
        return Outlook(float("nan"), float("nan"), float("nan"))
    auroc, similarity = (_auroc(item, molecules, labels, left_out) for item in (learner, search))
    # Pairs share compounds, so the sample size is that of the smaller class, not the pairs.
    variance = auroc * (1 - auroc) / min(labels.sum(), len(labels) - labels.sum())
    return Outlook(auroc, similarity, float(np.sqrt(variance)))


def _pairs(labels: NDArray[np.float32], n: int, seed: int) -> NDArray[np.int64]:
    """Positions of P pairs (active, inactive), shape (P, 2); none if that would empty a class."""
    actives, inactives = np.flatnonzero(labels > 0.5), np.flatnonzero(labels <= 0.5)
    if min(len(actives), len(inactives)) < 2:
        return np.zeros((0, 2), np.int64)
    all_pairs = np.stack(np.meshgrid(actives, inactives), axis=-1).reshape(-1, 2)
    # The start of one permutation: more pairs only add to the fewer ones of the same seed.
    drawn = generator(seed, "outlook").permutation(len(all_pairs))[:n]
    return all_pairs[drawn]


def _auroc(
    learner: MetaLearner,
    molecules: Molecules,
    labels: NDArray[np.float32],
    left_out: NDArray[np.int64],
) -> float:
    with torch.no_grad():
        # Once for all pairs: what a learner prepares depends on no label, so nothing leaks.
        prepared = learner.prepare(molecules.only(learner.featurizers))
        outputs = learner.left_out(Labelled(prepared, tensor_of(labels)), tensor_of(left_out))
    scores: NDArray[np.float64] = outputs.double().cpu().numpy()
    n_above = int((scores[:, 0] > scores[:, 1]).sum())
    n_tied = int((scores[:, 0] == scores[:, 1]).sum())
    return (n_above + n_tied / 2) / len(scores)
