"""Meta-trains a learner on curated assays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from molmeta.api._inputs import ModelLike, all_existing, model_of, molecule_store
from molmeta.assays.assay import assays_of, read_curated, with_values
from molmeta.models.files import save
from molmeta.models.pretrained import NAME, pretrained_encoder
from molmeta.models.recipes import Recipe, recipe_of
from molmeta.runtime.outputs import remove, written
from molmeta.runtime.parquetfiles import write_parquet
from molmeta.training.loop import train as run_training
from molmeta.training.task import Task, TrainingOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from molmeta.models.model import Model


class Trained(NamedTuple):
    """The model of the best validation, and a log with a row for every step."""

    model: Model
    log: pd.DataFrame


def train(
    tables: Sequence[Path | str],
    *,
    valid: Sequence[Path | str],
    recipe: Recipe | Mapping[str, Any],
    training: TrainingOptions | None = None,
    molecules: Path | str | None = None,
    init: Sequence[ModelLike] = (),
    seed: int = 0,
    cores: int = 1,
    output: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trained:
    """Meta-train one learner and keep the step that validates best.

    Args:
        tables: curated tables to learn from.
        valid: curated tables to validate on.
        recipe: learner, encoder and their options, as under `models` in the config.
        training: length and rates of the training; the defaults if missing.
        molecules: molecule store of `molmeta featurize`; None featurizes the compounds here.
        init: models whose encoders to start from; several provide the parts of a joined encoder.
            'pretrained' is the pretrained encoder with the name in the recipe. If the recipe has no
            options for it, those of the pretrained encoder apply.
        seed: of weights, draws and dropout.
        cores: processes that featurize.
        output: model file to write, with `.log.parquet` next to it; an interrupted training then
            resumes from its last checkpoint.
        progress: called with the number of steps done since the last call.

    Raises:
        TableError: a table is not curated.
        ConfigError: an unknown name, or an option out of range.
        EpisodeError: no assay is large enough for a support size.
        ModelError: the loss is not finite, or a file is damaged.
    """
    chosen = recipe if isinstance(recipe, Recipe) else recipe_of(recipe)
    start = [pretrained_encoder(chosen.encoder) if m == NAME else model_of(m) for m in init]
    if list(init) == [NAME] and not chosen.encoder_options:
        chosen = replace(chosen, encoder_options=start[0].recipe.encoder_options)
    paths = all_existing(tables)
    valid_paths = all_existing(valid)
    learning, validation = read_curated(paths), read_curated(valid_paths)
    names = chosen.build(seed).featurizers
    store = molecule_store(molecules, [*paths, *valid_paths], names, cores)
    # Compounds of other tables would be encoded for nothing.
    store = store.selected({*learning["inchikey"], *validation["inchikey"]}, names)
    assays = assays_of(learning, store)
    if chosen.learner_options.get("target") == "value":
        assays = with_values(assays)
    judges = assays_of(validation, store)
    task = Task(chosen, training or TrainingOptions(), seed, assays, judges, store.molecules, start)
    checkpoint = None if output is None else output.with_suffix(".checkpoint")
    trained = Trained(*run_training(task, checkpoint=checkpoint, report=progress))
    if output is not None and checkpoint is not None:
        with written(output.with_suffix(".log.parquet")) as temporary:
            write_parquet(temporary, trained.log)
        save(trained.model, output)
        # Only now is the run safe in its file.
        remove(checkpoint)
    return trained
