"""TabPFN, a foundation model of tables, with weights that you have."""

from __future__ import annotations

import importlib
import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from molmeta.encoders.base import Paper
from molmeta.learners._parents.tabular import Classifiers, TabularLearner, plain_checkpoint

# Read when the package is imported. Version 9.2 has no telemetry; earlier ones have.
os.environ["TABPFN_DISABLE_TELEMETRY"] = "1"


class TabPFN(TabularLearner):
    """The pretrained transformer of the package `tabpfn`, which reads the support as a table.

    p(x) is the answer of `tabpfn.TabPFNClassifier`: the mean of several forward passes, each with
    the columns transformed and ordered in another way. The model gets the columns that vary most
    in the support; see `TabularLearner`. The support must have both classes. A checkpoint of
    TabPFN 2 answers slightly differently for a compound alone and in a list; later ones do not.

    molmeta has no weights and downloads none. Checkpoints, such as
    `tabpfn-v2-classifier-finetuned-zk73skhh.ckpt`, are on the pages of the authors; the licences
    of most allow no commercial use. The loader of the package could run code in a torch file if
    an environment variable of torch says so. molmeta therefore opens the file with `weights_only`
    and hands its tensors over as a file of the format safetensors, which cannot hold code.
    The telemetry that some versions of the package have is switched off.

    Args:
        encoder: not used; accepted because all learners take one.
        weights: file of a checkpoint for classification, of torch or safetensors.
        features: featurizer of a fingerprint or of vectors, such as 'descriptors'.
        columns: most columns that the model gets.
        estimators: forward passes.
        seed: seed of the transformations and orders of columns.

    Raises:
        ConfigError: an option is out of range, or the weights or the package are missing.
    """

    papers = (
        Paper(
            authors="Hollmann, Noah; Müller, Samuel; Purucker, Lennart; Krishnakumar, Arjun; "
            "Körfer, Max; Hoo, Shi Bin; Schirrmeister, Robin Tibor; Hutter, Frank",
            year=2025,
            title="Accurate predictions on small data with a tabular foundation model",
            venue="Nature",
            kind="article",
            doi="10.1038/s41586-024-08328-6",
        ),
    )
    use_when = (
        "you have its weights and want to compare with a model that was not trained on molecules"
    )
    package: ClassVar[str] = "tabpfn"

    def opened(self, weights: Path) -> Classifiers:
        return partial(
            importlib.import_module(self.package).TabPFNClassifier,
            model_path=_specification(weights),
            # More than 1,000 compounds take long on a CPU, but must not be refused.
            ignore_pretraining_limits=True,
            n_estimators=self.estimators,
            random_state=self.seed,
        )


def _specification(weights: Path) -> Any:  # noqa: ANN401 - an untyped package
    """Return the model in a checkpoint, as the package takes it."""
    if weights.suffix == ".safetensors":
        return _model(weights)
    content = plain_checkpoint(weights)
    # Tensors that share memory are refused by safetensors.
    state = {name: tensor.clone() for name, tensor in content["state_dict"].items()}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        checkpoints = importlib.import_module("tabpfn.checkpoint")
        checkpoints.save_as_safetensors({**content, "state_dict": state}, path)
        return _model(path)


def _model(path: Path) -> Any:  # noqa: ANN401 - an untyped package
    loading = importlib.import_module("tabpfn.model_loading")
    model, _, *settings = loading.load_model(path=path, estimator_type="classifier")
    return importlib.import_module("tabpfn").ModelSpecs(model, *settings)
