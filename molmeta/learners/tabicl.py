"""TabICL, a foundation model of tables, with weights that you have."""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from molmeta.encoders.base import Paper
from molmeta.learners._parents.tabular import Classifiers, TabularLearner, plain_checkpoint

if TYPE_CHECKING:
    from pathlib import Path


class TabICL(TabularLearner):
    """The pretrained transformer of the package `tabicl`, which reads the support as a table.

    p(x) is the answer of `tabicl.TabICLClassifier`: the mean log-odds of several forward passes,
    each with the columns in another order, softened by a temperature. The model gets the columns
    that vary most in the support; see `TabularLearner`. The support must have both classes.

    molmeta has no weights and downloads none. Checkpoints, such as
    `tabicl-classifier-v2-20260212.ckpt`, are on the pages of the authors. The file is opened with
    torch's `weights_only`, by molmeta and by the package, so that no code in it can run.

    Args:
        encoder: not used; accepted because all learners take one.
        weights: file of a checkpoint for classification.
        features: featurizer of a fingerprint or of vectors, such as 'descriptors'.
        columns: most columns that the model gets.
        estimators: forward passes.
        seed: seed of the orders of columns.

    Raises:
        ConfigError: an option is out of range, or the weights or the package are missing.
    """

    papers = (
        Paper(
            authors="Qu, Jingang; Holzmüller, David; Varoquaux, Gaël; Le Morvan, Marine",
            year=2025,
            title="TabICL: A Tabular Foundation Model for In-Context Learning on Large Data",
            venue="ICML",
        ),
    )
    use_when = (
        "you have its weights and want to compare with a model that was not trained on molecules"
    )
    package: ClassVar[str] = "tabicl"

    def opened(self, weights: Path) -> Classifiers:
        # The package reads the file again for each support, which a bad file must not reach.
        plain_checkpoint(weights)
        return partial(
            importlib.import_module(self.package).TabICLClassifier,
            model_path=weights,
            allow_auto_download=False,
            # A checkpoint for regression would otherwise pass as one with too few classes.
            support_many_classes=False,
            n_estimators=self.estimators,
            random_state=self.seed,
        )
