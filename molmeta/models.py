"""A learner with its recipe and history: one file, loaded without running code or needing a GPU."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import rdkit
import torch
import yaml
from torch.nn.modules.module import register_module_parameter_registration_hook

from molmeta.errors import ConfigError, EpisodeError, ModelError, MoleculeError, one_line
from molmeta.learners.base import Predictor, probability
from molmeta.molecules.compounds import compound
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize
from molmeta.prevalence import prior_shift
from molmeta.recipes import Recipe, recipe_of
from molmeta.runtime.tensorfiles import read_tensors, write_tensors
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.learners import MetaLearner
    from molmeta.molecules.blocks import Molecules

FORMAT = 1
KIND = "model"
LARGEST_OPTION = 100_000


@dataclass(frozen=True)
class Model:
    """A learner that is ready to adapt.

    Attributes:
        learner: in evaluation mode.
        recipe: what it was built from.
        history: where it comes from: version, seed, training data, validation; plain values.
    """

    learner: MetaLearner
    recipe: Recipe
    history: Mapping[str, Any]

    @property
    def featurizers(self) -> tuple[str, ...]:
        """Blocks that molecules must bring."""
        return self.learner.featurizers

    @property
    def digest(self) -> str:
        """Changes when anything does that its predictions depend on."""
        text = json.dumps([__version__, rdkit.__version__, self.recipe.to_dict()])
        found = hashlib.sha256(text.encode())
        for name, tensor in self.learner.state_dict().items():
            found.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return found.hexdigest()

    def adapt(
        self,
        smiles: Sequence[str],
        active: Sequence[int],
        *,
        values: Sequence[float] | None = None,
    ) -> AssayPredictor:
        """Learn one assay from its support.

        Args:
            smiles: S SMILES.
            active: 1 for active and 0 for inactive, S of them.
            values: what was measured, such as pIC50, S of them; a learner of values needs them.

        Raises:
            EpisodeError: unequal lengths, labels other than 0 and 1, or one class only.
            MoleculeError: a SMILES does not parse.

        Example:
            >>> from molmeta.models import opponent
            >>> predictor = opponent("similarity").adapt(["CCO", "c1ccccc1"], [1, 0])
            >>> predictor.predict(["CCO", "no molecule"]).round(1)
            array([0.7, nan])
        """
        _require_support(smiles, active)
        _require_as_many(smiles, active if values is None else values, "values")
        parsed = [compound(text).smiles for text in smiles]
        labels = torch.tensor([float(label) for label in active])
        measured = None if values is None else torch.tensor([float(value) for value in values])
        molecules = featurize(parsed, self.featurizers)
        share = float(labels.mean()) if len(labels) else 0.0
        return AssayPredictor(self, self._adapted(Labelled(molecules, labels, measured)), share)

    def known(self, smiles: Sequence[str]) -> NDArray[np.int64]:
        """Return how many training assays measured each compound, -1 where one does not parse.

        Known compounds are easier to predict than new ones. Zero where a learner keeps no record.
        """
        result = np.full(len(smiles), -1, np.int64)
        places, kept = _valid(smiles)
        if kept:
            counts = self.learner.known(featurize(kept, self.featurizers))
            result[places] = counts.cpu().numpy()
        return result

    def _adapted(self, support: Labelled) -> Predictor:
        with torch.no_grad():
            return self.learner.adapt(support)


@dataclass(frozen=True)
class AssayPredictor:
    """What a model has learnt from one support; several can be used at the same time.

    Attributes:
        model: what was adapted.
        predictor: what came of it.
        share: share of actives in the support, at which its probabilities hold.
    """

    model: Model
    predictor: Predictor
    share: float

    def predict(
        self, smiles: Sequence[str], *, prevalence: float | None = None
    ) -> NDArray[np.float64]:
        """Return the probability of activity of each SMILES, NaN where one does not parse.

        Args:
            smiles: G SMILES.
            prevalence: share of actives among what is scored, such as 0.005 in a library; None
                leaves probabilities at the support's share.

        Raises:
            ConfigError: a prevalence that is no share, or a support of one class.
        """
        shift = prior_shift(prevalence, self.share)
        places, kept = _valid(smiles)
        result = np.full(len(smiles), np.nan)
        if kept:
            found = self.predict_molecules(featurize(kept, self.model.featurizers))
            result[places] = [shift(p) for p in found]
        return result

    def predict_molecules(self, molecules: Molecules) -> NDArray[np.float64]:
        """Return the probability of activity of G featurized molecules, or their values."""
        with torch.no_grad():
            found = self.predictor(molecules).double()
        valued = self.model.learner.target == "value"
        return (found if valued else probability(found)).cpu().numpy()


def opponent(name: str, options: Mapping[str, Any] | None = None) -> Model:
    """Return a learner that has nothing to meta-train, as a model.

    Raises:
        ConfigError: the name is unknown, or the learner must be meta-trained first.
    """
    recipe = Recipe(name, learner_options=options or {})
    learner = recipe.build(0) if not _trained(name) else None
    if learner is None:
        raise ConfigError(
            f"learner '{name}': must be meta-trained first; got no model file, expected one. "
            "Run 'molmeta train', or name an opponent such as 'similarity'."
        )
    return Model(learner.eval(), recipe, {"version": __version__})


def save(model: Model, path: Path, *, half: bool = False) -> None:
    """Write a model.

    Args:
        model: what to write.
        path: where to.
        half: whether its matrices are rounded to half precision, which halves the file.

    Raises:
        OutputError: the file cannot be written.
    """
    header = {
        "kind": KIND,
        "format": FORMAT,
        "recipe": model.recipe.to_dict(),
        "history": dict(model.history),
    }
    tensors = model.learner.state_dict()
    write_tensors(path, _halved(tensors) if half else tensors, header)


def load(path: Path) -> Model:
    """Read a model.

    The learner is built without memory behind it, and with no more parameters than the file
    holds, so that a hostile header cannot ask for more; then every tensor must fit.

    Raises:
        ModelError: the file is damaged, of another kind, or does not fit its own recipe.
    """
    tensors, header = read_tensors(path, KIND)
    try:
        _require_format(header["format"])
        recipe, history = recipe_of(header["recipe"]), dict(header["history"])
        _require_modest(header["recipe"])
        with _at_most(len(tensors)), torch.device("meta"):
            learner = recipe.build(0)
        tensors = _widened(tensors)
        _require_numbers(learner.state_dict(), tensors)
        learner.load_state_dict(tensors, assign=True)
    except (ConfigError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path}: does not fit its recipe; got {one_line(error)}, expected a model of "
            f"molmeta {__version__}. Train it again."
        ) from error
    return Model(learner.eval().requires_grad_(requires_grad=True), recipe, history)


def named(name: str) -> Model:
    """Return the model of a file, the one that ships ('shipped'), or the opponent of that name.

    `NAME:OPTION=VALUE` sets an option of an opponent, as in `similarity:mode=mean`.

    Raises:
        ConfigError: there is neither, or no such option.
        ModelError: the file is no model.
    """
    path = Path(name)
    if path.suffix == ".safetensors" or path.is_file():
        return load(path)
    if name == "shipped":
        from molmeta.shipping import shipped

        return shipped()
    base, colon, text = name.partition(":")
    option, _, value = text.partition("=")
    return opponent(base, {option: yaml.safe_load(value)} if colon else None)


def _require_format(found: object) -> None:
    if found != FORMAT:
        raise ValueError(f"format {found}")


def _require_modest(value: object) -> None:
    """Refuse sizes that no tensor of the file bounds, such as the slots of a memory."""
    if isinstance(value, dict):
        value = list(cast("dict[str, object]", value).values())
    if isinstance(value, list):
        for part in cast("list[object]", value):
            _require_modest(part)
    elif isinstance(value, (int, float)) and value > LARGEST_OPTION:
        raise ValueError(f"the option {value}, above {LARGEST_OPTION}")


@contextmanager
def _at_most(n: int) -> Generator[None]:
    """Refuse the parameter after the n-th while a learner is built, before there are more."""
    left = n

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise ValueError(f"more than the {n} tensors of the file")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    large = {name for name, one in tensors.items() if one.dtype == torch.float32 and one.ndim > 1}
    return {name: one.half() if name in large else one for name, one in tensors.items()}


def _widened(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    half = torch.float16
    return {name: one.float() if one.dtype == half else one for name, one in tensors.items()}


def _require_numbers(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    for name, tensor in found.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"'{name}' with values that are not finite")
        if name in expected and tensor.dtype != expected[name].dtype:
            raise ValueError(f"'{name}' as {tensor.dtype} instead of {expected[name].dtype}")


def _trained(name: str) -> bool:
    from molmeta import learners

    return learners.get(name).meta_trained


def _valid(smiles: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the places of those that parse, and their standardised SMILES."""
    parsed = [_parsed(text) for text in smiles]
    kept = [(place, text) for place, text in enumerate(parsed) if text is not None]
    return [place for place, _ in kept], [text for _, text in kept]


def _parsed(text: str) -> str | None:
    try:
        return compound(text).smiles
    except MoleculeError:
        return None


def _require_as_many(smiles: Sequence[str], others: Sequence[float], what: str) -> None:
    if len(smiles) != len(others):
        raise EpisodeError(
            f"support: unequal lengths; got {len(smiles)} SMILES and {len(others)} {what}, "
            "expected as many of one as of the other. Pair them again."
        )


def _require_support(smiles: Sequence[str], active: Sequence[int]) -> None:
    _require_as_many(smiles, active, "labels")
    wrong = [label for label in active if label not in (0, 1)]
    if wrong:
        raise EpisodeError(
            f"support: a label is neither 0 nor 1; got {wrong[0]!r}, expected 1 for active and "
            "0 for inactive. Set a threshold on measured values first."
        )
