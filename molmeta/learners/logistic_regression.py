"""Logistic regression on fingerprint bits or descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from sklearn.linear_model import LogisticRegression as _Fit

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parents.features import FeatureLearner
from molmeta.learners._parts.inputs import scaled_by
from molmeta.learners._parts.tuning import require
from molmeta.learners.base import Predictor, require_both_classes
from molmeta.molecules.blocks import Bits
from molmeta.molecules.similarity import FINGERPRINT, product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled


class LogisticRegression(FeatureLearner):
    """A weight for each bit, with an L2 penalty.

    logit(x) = w . x + b, minimising c * sum of log losses + |w|^2 / 2. Classes are not
    reweighted, so that probabilities keep the support's share of actives. Bits that are off in
    the whole support have weight 0, as they would if they took part in the fit.

    Vectors, such as descriptors, are standardised within the support first (`scaled_by`). The
    support must have both classes.

    Args:
        encoder: not used; accepted because all learners take one.
        features: featurizer of a fingerprint or of vectors, such as 'descriptors'.
        c: weight of the data relative to the penalty, above 0.

    Raises:
        ConfigError: c is not above 0.
    """

    papers = (
        Paper(
            authors="Pedregosa, Fabian; Varoquaux, Gaël; Gramfort, Alexandre",
            year=2011,
            title="Scikit-learn: Machine Learning in Python",
            venue="Journal of Machine Learning Research",
            kind="article",
        ),
    )
    use_when = "you need a baseline that everybody has"
    search: ClassVar[Mapping[str, Any]] = {"features": [FINGERPRINT], "c": (1e-3, 1e2)}

    def __init__(
        self, encoder: Encoder | None = None, *, features: str = FINGERPRINT, c: float = 0.1
    ) -> None:
        super().__init__(encoder, features)
        require("logistic_regression", {"c": (c, c > 0, "a number above 0")})
        self.c = c

    def adapt(self, support: Labelled) -> Predictor:
        require_both_classes(support.labels)
        if isinstance(support.molecules.blocks.get(self.features), Bits):
            return self._adapted_to_bits(support)
        scaled = scaled_by(support.molecules, self.features)
        weights, intercept = self._fitted(scaled(support.molecules), support.labels)
        return lambda molecules: (scaled(molecules) @ weights + intercept).float()

    def _adapted_to_bits(self, support: Labelled) -> Predictor:
        bits = support.molecules.block(self.features, Bits)
        dense = bits.dense()
        # If no bit is on, all columns stay, as scikit-learn refuses a matrix without columns.
        used = dense.any(dim=0) | ~dense.any()
        fitted, intercept = self._fitted(dense[:, used].double(), support.labels)
        weights = torch.zeros(bits.size, 1, device=bits.device)
        weights[used, 0] = fitted.to(weights)

        def predict(molecules: Molecules) -> Tensor:
            query = molecules.block(self.features, Bits)
            return product(query, weights).squeeze(1) + intercept

        return predict

    def _fitted(self, values: Tensor, labels: Tensor) -> tuple[Tensor, float]:
        """Return w and b for vectors of shape (S, W)."""
        fit: Any = _Fit(C=self.c, tol=1e-6, max_iter=1000)
        fit.fit(values.cpu().numpy(), labels.cpu().numpy() > 0.5)
        return torch.tensor(fit.coef_[0]).to(values), float(fit.intercept_[0])
