import json
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from molmeta.errors import MolMetaError
from molmeta.workflow import find_sources, flags

# Jobs find the `molmeta` of this environment, whether or not it is activated.
os.environ.update(
    PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)
# Every command imports the plugins that this variable names.
os.environ["MOLMETA_PLUGINS"] = os.pathsep.join(config["plugins"])

try:
    SOURCES = find_sources(Path(config["tables"]))
except MolMetaError as error:
    raise WorkflowError(str(error)) from error
SPLITS = list(dict.fromkeys(split for split, _ in SOURCES))
MODELS = config["models"]
SCREENS = {screen["name"]: screen for screen in config["screens"]}
PLATES = [name for name, screen in SCREENS.items() if screen["plate"] is not None]
STORE = "results/molecules.safetensors"
TRAINED = expand("{model}/{seed}", model=MODELS, seed=config["seeds"])
EVALUATED = [*TRAINED, *expand("{model}/0", model=config["baselines"])]


def curated(*splits, suffix="parquet"):
    return [
        f"results/curated/{split}/{table}.{suffix}"
        for split, table in SOURCES
        if split in splits
    ]


def source(wildcards):
    return SOURCES[wildcards.split, wildcards.table]


def cores_by_size(wildcards):
    return 8 if Path(source(wildcards)).stat().st_size > 1_000_000 else 1


def run_of(wildcards):
    return SCREENS.get(wildcards.get("screen"), dict(wildcards.items()))


def recipe_of(wildcards):
    return json.dumps({k: v for k, v in MODELS[wildcards.model].items() if k != "init"})


def init(wildcards):
    """Return the files of the models whose encoders a model starts from, if it names any."""
    names = filter(None, MODELS[wildcards.model]["init"].split("+"))
    return [f"results/models/{name}/{wildcards.seed}.safetensors" for name in names]


def init_option(wildcards):
    return flags({"init": init(wildcards)})


def model_file(wildcards):
    """Return the file of a model, or nothing for a baseline, which needs no training."""
    run = run_of(wildcards)
    path = f"results/models/{run['model']}/{run['seed']}.safetensors"
    return path if run["model"] in MODELS else []


def model_name(wildcards, input):
    return input.model or run_of(wildcards)["model"]


def support(wildcards):
    """Return the curated table that a screen names, or the user's own file."""
    given = SCREENS[wildcards.screen]["support"]
    place = tuple(given.split("/"))
    return f"results/curated/{given}.parquet" if place in SOURCES else given


def library(wildcards):
    return SCREENS[wildcards.screen]["library"]


def screen_options(wildcards):
    screen = SCREENS[wildcards.screen]
    names = ("assay", "size", "top", "seed", "prevalence", "exclude_support")
    return flags({name.replace("_", "-"): screen[name] for name in names})


def plate_options(wildcards):
    screen = SCREENS[wildcards.screen]
    known = {name: screen[name] for name in ("assay", "size", "seed")}
    plate = {name.replace("_", "-"): value for name, value in screen["plate"].items()}
    return flags({**known, "plate": plate.pop("wells"), **plate})


def plate_controls(wildcards):
    return SCREENS[wildcards.screen]["plate"]["controls"] or []


def plate_excluded(wildcards):
    return SCREENS[wildcards.screen]["plate"]["exclude"] or []


def page_option(wildcards, output):
    """Return where the page of the hits goes, or nothing where all are written and none drawn."""
    return flags({"report": output.get("page")})


def screen_parts(wildcards):
    """Return what marks the parts of a scattered library as done, nothing for one in one piece."""
    n = SCREENS[wildcards.screen]["parts"]
    return [
        f"results/screens/{wildcards.screen}.{part}-of-{n}.done"
        for part in range(1, n + 1)
        if n > 1
    ]


def any_of(names):
    """Return an expression for these names; for none, one that nothing fits: "" would fit all."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    split=any_of(SPLITS),
    table=any_of(table for _, table in SOURCES),
    model=any_of([*MODELS, *config["baselines"]]),
    seed=r"\d+",
    screen=any_of(SCREENS),
    part=r"\d+",
    parts=r"\d+",
