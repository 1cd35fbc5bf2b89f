"""Inputs that several functions take: models, supports, libraries and paths."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from glob import has_magic
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd

from molmeta.assays.assay import distinct_compounds, read_curated
from molmeta.curation.tableoptions import TableOptions
from molmeta.errors import ConfigError, EpisodeError, TableError, exists, similar_file
from molmeta.libraries.files import library_files
from molmeta.models.model import Model
from molmeta.models.named import named
from molmeta.models.pretrained import NAME
from molmeta.molecules.compounds import smiles_texts
from molmeta.molecules.store import Store, load_store, update
from molmeta.screening.supports import SupportLike, SupportReading, read_support

ModelLike = Model | Path | str | None
"""A model, its file, the name of a baseline, or None for the pretrained model."""
LibraryLike = Path | str | Sequence[str]
"""The path of a library, such as a file, folder, glob pattern or manifest, or SMILES."""
STDIN = Path("-")
LARGEST_SUPPORT = 2_500
"""Compounds of a support: memory grows with their square, and reaches 1 GB here."""
_log = logging.getLogger(__name__)


class SupportOptions(TypedDict, total=False):
    """How to read a table; see `molmeta.curation.tableoptions.TableOptions`."""

    smiles_column: str
    label_column: str
    value_column: str
    unit: str
    threshold: str | float | None
    higher_is_active: bool | None
    sheet: str
    decimal: str


def model_of(model: ModelLike) -> Model:
    """The model that was named.

    Raises:
        ConfigError, ModelError: as `molmeta.models.named.named`.
    """
    if isinstance(model, Model):
        return model
    return named(NAME if model is None else str(model))


def ranking_model(model: ModelLike) -> Model:
    """The model that was named, if it ranks compounds by their activity.

    Raises:
        ConfigError: it predicts measured values.
        ConfigError, ModelError: as `model_of`.
    """
    chosen = model_of(model)
    if chosen.learner.target == "value":
        raise ConfigError(
            f"model '{model_name(model)}': predicts measured values; got a model with the target "
            "'value', expected one of activity, because a library is ranked by the probability "
            "of being active. Name another --model, or use molmeta.load() and predict() in Python."
        )
    return chosen


def model_name(model: ModelLike) -> str:
    """Name of a model for people to read."""
    if isinstance(model, Model):
        return model.recipe.learner
    if model is None:
        return NAME
    path = Path(model)
    # `NAME:OPTION=0.5` has a point, but no suffix.
    if path.suffix != ".safetensors":
        return str(model)
    # The workflow names models by their seeds, such as models/maml/0.safetensors.
    return f"{path.parent.name}/{path.stem}" if path.stem.isdigit() else path.stem


def support_of(
    support: SupportLike,
    model: Model,
    options: SupportOptions,
    *,
    assay: str = "",
    size: int | None = None,
    seed: int = 0,
) -> SupportReading:
    """The support, read as the model needs it.

    Raises:
        EpisodeError: it has more than LARGEST_SUPPORT compounds.
        TableError, EpisodeError, ConfigError: as `molmeta.screening.supports.read_support`.
    """
    if isinstance(support, (str, Path)):
        support = existing(support)
    reading = read_support(
        support,
        options=TableOptions(**options),
        assay=assay,
        size=size,
        seed=seed,
        actives_only=type(model.learner).actives_only,
    )
    n = len(reading.support.smiles)
    if n > LARGEST_SUPPORT:
        raise EpisodeError(
            f"{reading.source}: has too many measured compounds; got {n}, expected at most "
            f"{LARGEST_SUPPORT}. Draw some of them with --size {LARGEST_SUPPORT}."
        )
    return reading


def log_facts(facts: Mapping[str, str]) -> None:
    """Log what was understood, a line for each subject."""
    for subject, text in facts.items():
        _log.info("%s: %s", subject, text)


@contextmanager
def library_file(library: LibraryLike) -> Generator[Path]:
    """Yield the path of a library; SMILES in memory are written to a temporary one.

    The index of a pandas Series, or else the positions in the sequence from 0, become the ids.
    """
    require_library(library)
    if isinstance(library, (str, Path)):
        yield Path(library)
        return
    texts = smiles_texts(library)
    with tempfile.TemporaryDirectory() as folder:
        # Not SMILES lines: reading those splits a text at blanks and commas.
        path = Path(folder) / "library.parquet"
        index: Any = library.index if isinstance(library, pd.Series) else range(len(texts))
        ids = [str(name) for name in index]
        pd.DataFrame({"smiles": texts, "id": ids}).to_parquet(path, index=False)
        yield path


def require_library(library: LibraryLike | None) -> None:
    """Refuse a path or pattern of a library without a file, before a model is loaded for it.

    Raises:
        TableError: as `existing`, or no file matches a pattern such as zinc/*.smi.gz.
    """
    if not isinstance(library, (str, Path)) or str(library) == "-":
        return
    if has_magic(str(library)) and not exists(Path(library)):
        library_files(Path(library))
    else:
        existing(library)


def library_name(library: LibraryLike) -> str:
    """Name of a library for people to read."""
    if isinstance(library, (str, Path)):
        return Path(library).name
    return f"{len(library)} compounds in memory"


def molecule_store(
    molecules: Path | str | None, tables: Sequence[Path], featurizers: Sequence[str], cores: int
) -> Store:
    """The molecule store of a file, or the features of the compounds of curated tables.

    Raises:
        TableError: the file is missing, or a table is not curated.
        ModelError: the file is not a molecule store.
    """
    if molecules is not None:
        return load_store(existing(molecules))
    return update(None, distinct_compounds(read_curated(tables)), featurizers, cores=cores)


def existing(path: Path | str) -> Path:
    """The path, if there is something.

    Raises:
        TableError: naming the file in the same folder whose name is closest.
    """
    path = Path(path)
    if exists(path):
        return path
    raise TableError(
        f"{path}: cannot be read; got no such file, expected an existing one. Correct the "
        f"path.{similar_file(path)}"
    )


def all_existing(paths: Sequence[Path | str] | Path) -> list[Path]:
    """The paths, if there is something at each; a single one counts as a list of one.

    Raises:
        TableError: as `existing`.
    """
    return [existing(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
