"""Reads a table as it is, chooses a model for it, and says what to expect of it."""

from __future__ import annotations

import inspect
import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import torch

from molmeta.api._inputs import (
    LibraryLike,
    SupportOptions,
    existing,
    library_file,
    log_facts,
    require_library,
    support_of,
)
from molmeta.api.screen import ScreenResult, inputs_of, rank
from molmeta.automl.candidates import member_models, members_for, members_with, titles_for
from molmeta.automl.choose import FULL, QUICK, Effort, ModelChoice, choose, needed
from molmeta.automl.selector import load_selector
from molmeta.campaigns.platefiles import write_plate
from molmeta.campaigns.suggest import PlatePlan
from molmeta.curation.tableoptions import TableOptions
from molmeta.errors import ConfigError, EpisodeError, MolMetaError
from molmeta.models.files import save
from molmeta.models.pretrained import load_pretrained
from molmeta.molecules.compounds import standard_smiles
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.molecules.store import featurize
from molmeta.report.chosen import MEASURES, PLATE, Chosen, chosen_page, chosen_section
from molmeta.report.hits.page import ScreenFacts, hits_page
from molmeta.screening.inspection import Inspection, inspect_table
from molmeta.screening.screen import ScreenPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from molmeta.automl.selector import Selector
    from molmeta.learners.base import Target
    from molmeta.models.model import AssayPredictor, Model
    from molmeta.screening.supports import SupportLike, SupportReading

MODEL, HITS, PAGE = "model.safetensors", "hits.csv", "index.html"
"""Names of the files in the folder of results."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AutoResult:
    """A model chosen for an assay.

    Attributes:
        choice: the model, the candidates that were tried, the expected scores and advice.
        reading: the support, and how its table was understood.
        predictor: the model adapted to the support.
        screened: the ranked library, if one was given.
    """

    choice: ModelChoice
    reading: SupportReading
    predictor: AssayPredictor
    screened: ScreenResult | None = None

    @property
    def model(self) -> Model:
        """The chosen model."""
        return self.choice.model


def auto(
    support: SupportLike,
    library: LibraryLike | None = None,
    *,
    output: Path | str | None = None,
    target: Target = "activity",
    quick: bool = False,
    seconds: float | None = None,
    assay: str = "",
    size: int | None = None,
    featurizer: str = "",
    seed: int = 0,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
    **options: Unpack[SupportOptions],
) -> AutoResult:
    """Choose a model for an assay, and rank a library with it.

    Candidates are compared by what earlier assays say about them and by cross-validation within
    the support. A support is adapted to with its values where it has any; they refine its labels.

    Args:
        support: table of measured compounds, frame with its columns, or (SMILES, labels).
        library: path of SMILES lines, CSV, Excel, SDF, Parquet or a featurized library, or SMILES;
            None only chooses.
        output: a folder for the model, the page and the ranked library, or the file of the model
            if it ends in .safetensors; None writes nothing.
        target: "value" chooses a model that predicts the measured values.
        quick: cross-validate once, in a few seconds.
        seconds: time for cross-validation; by default 60, or 8 with `quick`.
        assay: name of the assay, if the table contains several.
        size: number of compounds to draw from the table; None takes all.
        featurizer: further features to try, such as "deepchem:MACCSKeysFingerprint" or "minimol".
        seed: of the draw and of the folds.
        cores: processes that featurize the library.
        progress: called with the number of records of the library done since the last call.
        options: names of columns, unit, threshold and direction of the table, named as the
            attributes of `molmeta.curation.tableoptions.TableOptions`.

    Raises:
        TableError: the support or the library cannot be read, or it is not clear how.
        EpisodeError: no candidate can adapt to the support.
        ConfigError: an option is out of range, or a library is to be ranked by values.
        OutputError: a file cannot be written.

    Example:
        >>> import molmeta
        >>> support = (["CCO", "CCCO", "c1ccccc1O", "Cc1ccccc1O"], [0, 0, 1, 1])
        >>> result = molmeta.auto(support, quick=True)
        >>> result.predictor.predict(["CCc1ccccc1O", "CCCCO"], among="assay").argmax()
        np.int64(0)
    """
    _require_consistent(library, target, seconds)
    require_library(library)
    tried = _tried(target, featurizer)
    reading = support_of(support, load_pretrained(), options, assay=assay, size=size, seed=seed)
    log_facts(reading.facts())
    choice = _chosen(reading, tried, _effort(seed, seconds, quick=quick))
    _log_choice(choice, tried.titles)
    predictor = choice.model.adapt(*reading.support, values=reading.values)
    result = AutoResult(choice, reading, predictor)
    path = None if output is None else Path(output)
    if path is not None and path.suffix == ".safetensors":
        save(result.model, path, half=True)
        return result
    if library is not None:
        hits = None if path is None else path / HITS
        result = replace(result, screened=_ranked(result, library, hits, cores, progress))
    if path is not None:
        given = {"target": target, "quick": quick, "seconds": seconds, "assay": assay, "size": size,
                 "featurizer": featurizer, "seed": seed, **options}  # fmt: skip
        _write(result, path, support, library, TableOptions(**options), assay, cores, given)
    return result


def _require_consistent(library: LibraryLike | None, target: Target, seconds: float | None) -> None:
    if library is not None and target == "value":
        raise ConfigError(
            "--target: a library is ranked by activity; got 'value' together with a library, "
            "expected one of them. Leave --library out, and predict with the model in Python."
        )
    if seconds is not None and not seconds > 0:
        raise ConfigError(
            f"--seconds: must be above 0; got {seconds}, expected the time for cross-validation. "
            "Correct it."
        )


def _effort(seed: int, seconds: float | None, *, quick: bool) -> Effort:
    effort = replace(QUICK if quick else FULL, seed=seed)
    return effort if seconds is None else replace(effort, seconds=seconds)


@dataclass(frozen=True)
class _Tried:
    """What is tried: models and their titles by name, and what earlier assays say about them."""

    target: Target
    models: dict[str, Model]
    titles: dict[str, str]
    selector: Selector


def _tried(target: Target, featurizer: str) -> _Tried:
    """All candidates for a target, and those with features that the user named."""
    further = members_with(featurizer, target) if featurizer else {}
    members = {**members_for(target), **{name: member for name, (member, _) in further.items()}}
    selector = load_selector(target).borrowing({name: like for name, (_, like) in further.items()})
    titles = titles_for(target) | {name: member.title for name, member in members.items()}
    return _Tried(target, member_models(target, members), titles, selector)


def _chosen(reading: SupportReading, tried: _Tried, effort: Effort) -> ModelChoice:
    """The choice for a support; its model's history says how it was made."""
    support = _labelled(reading, tried)
    choice = choose(support, tried.models, tried.selector, effort, tried.titles)
    history = _history(choice, reading, effort.seed)
    return replace(choice, model=replace(choice.model, history=history))


def _ranked(
    result: AutoResult,
    library: LibraryLike,
    output: Path | None,
    cores: int,
    progress: Callable[[int], None] | None,
) -> ScreenResult:
    """Rank the library, and log what the log does not say about the support already."""
    inputs = inputs_of(result.reading, result.model, result.choice.title, library)
    logged = result.reading.facts()
    log_facts({name: text for name, text in inputs.facts().items() if name not in logged})
    return rank(
        inputs, result.predictor, library, plan=ScreenPlan(exclude_support=True), output=output,
        cores=cores, progress=progress,
    )  # fmt: skip


def _labelled(reading: SupportReading, tried: _Tried) -> Labelled:
    """The support with the features of all candidates that may be chosen.

    Raises:
        EpisodeError: a value is missing and values are to be predicted.
    """
    values = torch.tensor(reading.values)
    if tried.target == "value" and not bool(values.isfinite().all()):
        missing = int((~values.isfinite()).sum())
        raise EpisodeError(
            f"{reading.source}: values are missing; got none for {missing} of {len(values)} "
            "compounds, expected one each. Leave --target out to predict activity."
        )
    smiles = [standard_smiles(text) for text in reading.support.smiles]
    labels = torch.tensor([float(label) for label in reading.support.active])
    names = dict.fromkeys((FINGERPRINT, *load_pretrained().featurizers))
    support = Labelled(featurize(smiles, tuple(names)), labels, values)
    # Descriptors take longer than all else, and are rarely in question.
    further = [n for n in needed(support, tried.models, tried.selector) if n not in names]
    if not further:
        return support
    blocks = {**support.molecules.blocks, **featurize(smiles, further).blocks}
    return replace(support, molecules=replace(support.molecules, blocks=blocks))


def _log_choice(choice: ModelChoice, titles: Mapping[str, str]) -> None:
    _log.info("chosen: %s", choice.title)
    for name, scores in choice.expected.items():
        for measure, (value, low, high) in scores.items():
            _log.info("for further analogues, %s of %s: %.2f (80 %% interval %.2f to %.2f)",
                      MEASURES[measure][0], titles[name], value, low, high)  # fmt: skip
    if choice.advice.text:
        _log.warning("do not rely on the order of close analogues yet: %s", choice.advice.text)


def _history(choice: ModelChoice, reading: SupportReading, seed: int) -> dict[str, Any]:
    """What the file of the model says about how it was chosen."""
    rows: list[dict[str, Any]] = choice.candidates.to_dict("records")  # pyright: ignore[reportAssignmentType]
    tried = [
        {name: None if isinstance(x, float) and math.isnan(x) else x for name, x in row.items()}
        for row in rows
    ]
    expected = {
        name: {measure: list(values) for measure, values in scores.items()}
        for name, scores in choice.expected.items()
    }
    return {
        **load_pretrained().history,
        "seed": seed,
        "chosen": {
            "name": choice.name, "title": choice.title, "source": reading.source,
            "n_support": len(reading.support.smiles), "candidates": tried, "expected": expected,
        },
    }  # fmt: skip


def _write(
    result: AutoResult, folder: Path, support: SupportLike, library: LibraryLike | None,
    options: TableOptions, assay: str, cores: int, given: Mapping[str, object],
) -> None:  # fmt: skip
    """Write the model, the page, and the next plate if analogues cannot be ordered yet."""
    save(result.model, folder / MODEL, half=True)
    inspection = _inspected(support, options, assay)
    chosen = Chosen(
        result.choice, result.reading, inspection, _path_or(support, "support"),
        "" if library is None else _path_or(library, "library"), folder, _changed(given),
    )  # fmt: skip
    if result.screened is None:
        chosen_page(chosen, folder / PAGE)
        return
    done = result.screened
    screened = done.screened
    facts = ScreenFacts(done.inputs, screened.n_read, screened.prevalence, HITS, screened.library)
    hits_page(
        done.screened.candidates, done.predictor, folder / PAGE, facts=facts,
        introduction=chosen_section(chosen),
    )  # fmt: skip
    if not result.choice.advice.trusted and library is not None:
        with library_file(library) as path:
            write_plate(
                done.predictor, result.reading.support, path,
                output=folder / PLATE, plan=PlatePlan(), cores=cores,
            )  # fmt: skip


def _path_or(given: object, name: str) -> str:
    """A path as Python writes it, or the name of a variable for what is in memory."""
    return repr(str(given)) if isinstance(given, (str, Path)) else name


def _changed(given: Mapping[str, object]) -> dict[str, object]:
    """The arguments that differ from the defaults of `auto`, in their order."""
    defaults = {p.name: p.default for p in inspect.signature(auto).parameters.values()}
    return {n: v for n, v in given.items() if v not in ("", None) and v != defaults.get(n)}


def _inspected(support: SupportLike, options: TableOptions, assay: str) -> Inspection | None:
    """How the table is read, None if it was given in memory or is curated already."""
    if not isinstance(support, (str, Path)):
        return None
    try:
        return inspect_table(existing(support), options, assay)
    except MolMetaError:
        return None
