"""Parent of baselines that read the features of one featurizer, which an option names."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from molmeta.learners.base import MetaLearner

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder


class FeatureLearner(MetaLearner):
    """A baseline on a fingerprint or on vectors.

    Args:
        encoder: not used; accepted because all learners take one.
        features: featurizer of a fingerprint or of vectors, such as 'descriptors'.
    """

    meta_trained: ClassVar[bool] = False

    def __init__(self, encoder: Encoder | None, features: str) -> None:
        super().__init__(encoder)
        self.features = features

    @property
    def featurizers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().featurizers, self.features)))
