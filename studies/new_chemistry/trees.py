"""A prior without a target: activity from the properties of a compound within its series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from properties import NUMBER
from torch import Tensor, nn

from molmeta.molecules.blocks import Vectors, tensor_of
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.training_data import TrainingData
    from molmeta.molecules.blocks import Molecules

PROPERTIES = "properties"
"""Featurizer of the properties."""
TREES, LEAVES = 200, 31
NODES, RATE = 2 * LEAVES - 1, 0.08
SUPPORT = 32
"""Compounds of a training assay whose mean represents that of a support."""
MOST = 5.0
"""Where standardised properties are clipped."""
KEPT, NEAR = 0.7, 0.5
"""Weight of a structural kernel, and further weight between compounds of equal properties. Both
were chosen on the half `select`."""
LARGEST = KEPT + NEAR


class PropertyPrior(nn.Module):
    """Boosted trees that predict the label (1 or -1) minus the mean label of the assay.

    Their inputs are the properties of a compound, relative to their mean over the support, and this
    mean. They use no label of the support. `fill` trains them once; nothing is trained afterwards.

    | attribute            | meaning                                                        |
    | -------------------- | -------------------------------------------------------------- |
    | `mean`, `spread`     | of each property over the training compounds, shape (P,)       |
    | `feature`            | input that each node compares, shape (200 * 61,)               |
    | `threshold`, `value` | threshold, and contribution of a leaf, of each node            |
    | `left`, `right`      | next node at or below the threshold, and above; itself, a leaf |

    Source:
        Friedman, Stochastic gradient boosting, Comput. Stat. Data Anal. 2002, 38, 367.
    """

    mean: Tensor
    spread: Tensor
    feature: Tensor
    threshold: Tensor
    value: Tensor
    left: Tensor
    right: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(NUMBER))
        self.register_buffer("spread", torch.ones(NUMBER))
        itself = torch.arange(TREES * NODES, dtype=torch.int32)
        self.register_buffer("feature", torch.zeros_like(itself))
        for name in ("threshold", "value"):
            self.register_buffer(name, torch.zeros(len(itself)))
        for name in ("left", "right"):
            self.register_buffer(name, itself.clone())

    def standardised(self, molecules: Molecules) -> Tensor:
        """Return the properties of G molecules, shape (G, P)."""
        raw = molecules.block(PROPERTIES, Vectors).values
        return ((raw - self.mean) / self.spread).clamp(-MOST, MOST)

    def forward(self, values: Tensor, centre: Tensor) -> Tensor:
        """Return the prediction for G compounds, shape (G,).

        Args:
            values: from `standardised`, shape (G, P).
            centre: their mean over the support, shape (P,).
        """
        inputs = _inputs(values, centre)
        roots = torch.arange(0, TREES * NODES, NODES, device=values.device)
        node = roots.expand(len(values), TREES)
        # A tree of 31 leaves is at most 30 deep; most are done after a third of that.
        for _ in range(LEAVES):
            low = inputs.gather(1, self.feature[node].long()) <= self.threshold[node]
            following = torch.where(low, self.left[node], self.right[node]).long()
            if torch.equal(following, node):
                break
            node = following
        return self.value[node].sum(1)

    def fill(self, data: TrainingData, seed: int = 0) -> None:
        """Train the trees on all labels of the training assays.

        Args:
            data: its molecules have the block `properties`.
            seed: seed of the compounds whose mean represents a support, and of the trees.
        """
        of_training = data.compounds.block(PROPERTIES, Vectors).values
        deviation = of_training.std(0, correction=0)
        self.mean.copy_(of_training.mean(0))
        self.spread.copy_(torch.where(deviation > 0, deviation, torch.ones_like(deviation)))
        values, rng = self.standardised(data.molecules).cpu().numpy(), generator(seed, "prior")
        supports = [values[rng.permutation(assay.rows)[:SUPPORT]] for assay in data.assays]
        pairs = zip(data.assays, supports, strict=True)
        inputs = [
            _inputs(tensor_of(values[a.rows]), tensor_of(support.mean(0))) for a, support in pairs
        ]
        targets = [2 * (assay.labels - assay.labels.mean()) for assay in data.assays]
        # A large assay counts more than a small one, but only by the root of its size.
        weights = [np.full(len(assay), len(assay) ** -0.5) for assay in data.assays]
        joined = map(np.concatenate, (inputs, targets, weights))
        self._keep(_boosted(*joined, seed=seed))

    def _keep(self, trees: Sequence[Any]) -> None:
        for number, tree in enumerate(trees):
            first, n = number * NODES, len(tree.feature)
            nodes, itself = slice(first, first + n), np.arange(n)
            leaf = tree.children_left < 0
            for name, array in (
                ("feature", np.where(leaf, 0, tree.feature)),
                ("threshold", np.where(leaf, 0, tree.threshold)),
                ("value", np.where(leaf, tree.value[:, 0, 0] * RATE, 0)),
                ("left", first + np.where(leaf, itself, tree.children_left)),
                ("right", first + np.where(leaf, itself, tree.children_right)),
            ):
                buffer: Tensor = getattr(self, name)
                buffer[nodes] = tensor_of(array).to(buffer)


def structure_factor(x: Tensor | None, others: Tensor | None) -> Tensor | float:
    """Return the factor of a structural kernel, 0.7 + 0.5 exp(-|x - x'|^2 / P), shape (G, S).

    Args:
        x: standardised properties of G molecules, shape (G, P); None leaves the kernel as it is.
        others: of S molecules, shape (S, P).
    """
    if x is None or others is None:
        return 1.0
    # By products, because all differences at once would fill the memory for many molecules.
    lengths = x.square().sum(1, keepdim=True) + others.square().sum(1)
    squared = (lengths - 2 * x @ others.T).clamp(min=0) / x.shape[1]
    return KEPT + NEAR * (-squared).exp()


def _boosted(
    inputs: NDArray[np.float32],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    seed: int,
) -> list[Any]:
    """Train the trees; a leaf must hold 40 of the tenth of the rows that each tree sees."""
    from sklearn.ensemble import GradientBoostingRegressor

    boosting: Any = GradientBoostingRegressor
    model = boosting(
        n_estimators=TREES, learning_rate=RATE, max_leaf_nodes=LEAVES, max_depth=None,
        min_samples_leaf=40, subsample=0.1, max_features=0.2, random_state=seed,
    )  # fmt: skip
    model.fit(inputs, targets, weights / weights.mean())
    return [tree.tree_ for tree in model.estimators_[:, 0]]


def _inputs(values: Tensor, centre: Tensor) -> Tensor:
    return torch.cat([values - centre, centre.expand_as(values)], dim=1)
