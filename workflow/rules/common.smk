import json
import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path

from molmeta.errors import MolMetaError
from molmeta.runtime.locks import exclusive
from molmeta.workflow.commands import flags
from molmeta.workflow.config import Config
from molmeta.workflow.names import PRETRAINED, check_names
from molmeta.workflow.sources import find_sources

# Jobs use the `molmeta` of this environment, whether or not it is activated.
os.environ.update(
    PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)

try:
    CONFIG = Config.from_mapping(config)
    SOURCES = find_sources(Path(CONFIG.tables))
    # On a cluster, every job reads this file again; the first process has checked the names.
    if workflow.is_main_process:
        check_names(CONFIG, SOURCES)
except MolMetaError as error:
    # An exception would be shown with places in this file, which tell the user nothing.
    sys.exit(f"molmeta: error: {error}")
# Every command imports the plugins that this variable names.
os.environ.update(MOLMETA_PLUGINS=os.pathsep.join(CONFIG.plugins))
SPLITS = list(dict.fromkeys(split for split, _ in SOURCES))
SCREENS = {screen.name: screen for screen in CONFIG.screens}
SEARCHES = {search.name: search for search in CONFIG.automl}
PLATES = [name for name, screen in SCREENS.items() if screen.plate is not None]
STORE = "results/molecules.safetensors"
RUNNING = ExitStack()


# Snakemake's own lock, which the profiles turn off, stays after a run that was killed. This one is
# the operating system's, and ends with the process.
onstart:
    try:
        RUNNING.enter_context(exclusive(Path("results")))
    except MolMetaError as error:
        sys.exit(f"molmeta: error: {error}")


onsuccess:
    RUNNING.close()


onerror:
    RUNNING.close()


def curated(*splits, suffix="parquet"):
    return [
        f"results/curated/{split}/{table}.{suffix}"
        for split, table in SOURCES
        if split in splits
    ]


def source(wildcards):
    return SOURCES[wildcards.split, wildcards.table]


def grows(mem_mb):
    """Return the memory of a job, which doubles with each attempt."""

    def of_attempt(wildcards, attempt):
        return mem_mb * 2 ** (attempt - 1)

    return of_attempt


def cores_by_size(wildcards):
    # Small tables are done before further processes have started.
    return 8 if Path(source(wildcards)).stat().st_size > 1_000_000 else 1


def cores_of_training(wildcards):
    """Return the cores that a training uses."""
    training = CONFIG.models[wildcards.model].training
    return training.devices * training.threads


def recipe_of(wildcards):
    return json.dumps(CONFIG.models[wildcards.model].command_recipe())


def init(wildcards):
    """Return the files of the models whose encoders a model starts from."""
    return [name for name in starts(wildcards) if name != PRETRAINED]


def starts(wildcards):
    names = CONFIG.models[wildcards.model].starts
    return [
        (
            name
            if name == PRETRAINED
            else f"results/models/{name}/{wildcards.seed}.safetensors"
        )
        for name in names
    ]


def init_option(wildcards):
    return flags({"init": starts(wildcards)})


def model_and_seed(wildcards):
    """Return the model that a job uses, named by its screen or by its own wildcards."""
    if "screen" in wildcards.keys():
        screen = SCREENS[wildcards.screen]
        return screen.model, screen.seed
    return wildcards.model, wildcards.seed


def model_file(wildcards):
    """Return the file of a trained model; a baseline has none."""
    model, seed = model_and_seed(wildcards)
    return (
        f"results/models/{model}/{seed}.safetensors" if model in CONFIG.models else []
    )


def model_name(wildcards, input):
    return input.model or model_and_seed(wildcards)[0]


def support(wildcards):
    """Return the curated table that a screen names, or the user's own file."""
    name = SCREENS[wildcards.screen].support
    return (
        f"results/curated/{name}.parquet" if tuple(name.split("/")) in SOURCES else name
    )


def library(wildcards):
    return SCREENS[wildcards.screen].library


def screen_options(wildcards):
    names = {"assay", "size", "top", "seed", "prevalence", "exclude_support"}
    return flags(SCREENS[wildcards.screen].model_dump(include=names))


def plate_options(wildcards):
    screen = SCREENS[wildcards.screen]
    support = screen.model_dump(include={"assay", "size", "seed"})
    return flags({**support, **screen.plate.model_dump()})


def plate_controls(wildcards):
    return SCREENS[wildcards.screen].plate.controls or []


def plate_exclude(wildcards):
    return SCREENS[wildcards.screen].plate.exclude or []


def search_learner(wildcards):
    return SEARCHES[wildcards.search].learner


def search_workers(wildcards):
    return SEARCHES[wildcards.search].workers


def search_recipe(wildcards):
    return json.dumps(SEARCHES[wildcards.search].command_recipe())


def search_options(wildcards):
    names = {"budget", "trials", "workers", "seed"}
    return flags(SEARCHES[wildcards.search].model_dump(include=names))


def search_storage(wildcards, output):
    return f"{output.recipe}.db"


def page_option(wildcards, output):
    """Return the option for the page of hits, which only rules with that output write."""
    return flags({"report": output.get("page")})


def screen_parts(wildcards):
    """Return the marks of the parts that are scored; a screen in one piece has none."""
    n = SCREENS[wildcards.screen].parts
    return [
        f"results/screens/{wildcards.screen}.{part}-of-{n}.done"
        for part in range(1, n + 1)
        if n > 1
    ]


def any_of(names):
    """Return a regular expression that matches these names and nothing else.

    Without names it is one that never matches: an empty expression would match everything.
    """
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    split=any_of(SPLITS),
    table=any_of(table for _, table in SOURCES),
    model=any_of([*CONFIG.models, *CONFIG.baselines]),
    seed=r"\d+",
    screen=any_of(SCREENS),
    search=any_of(SEARCHES),
    part=r"\d+",
    parts=r"\d+",
