"""Declaration of the workflow's configuration: keys, types, ranges, defaults, descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt

from molmeta.campaigns.suggest import PlateOptions
from molmeta.curation.curate import Rules
from molmeta.curation.tables import Layout
from molmeta.evaluation.evaluate import EvaluationPlan
from molmeta.models.recipes import Recipe
from molmeta.runtime.options import Options, Share, Size, distinct, text_like
from molmeta.training.task import TrainingOptions

Name = Annotated[
    str,
    *text_like(
        "[A-Za-z0-9][A-Za-z0-9_-]*",
        "must consist of letters, digits, '_' and '-', and start with a letter or digit",
    ),
]
"""It becomes the name of a file."""
Baseline = Annotated[
    str,
    *text_like("[A-Za-z0-9_]+(:[a-z_]+=[A-Za-z0-9_.+-]+)?", "must be a name or name:option=value"),
]
FileName = Annotated[str, Field(min_length=1)]
SeedList = Annotated[
    tuple[NonNegativeInt, ...], Field(min_length=1, strict=False), AfterValidator(distinct)
]


class LearnerOptions(Options):
    """A learner, its encoder and its training."""

    learner: str
    """Name of a learner; `molmeta learners` lists them."""
    encoder: str = ""
    """Name of an encoder (a file in molmeta/encoders), or several joined by '+'; "" for learners
    without one."""
    learner_options: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    """Keyword arguments of the learner's constructor."""
    encoder_options: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    """Keyword arguments of the encoder's constructor. For a joined encoder, a mapping from the name
    of each part to its arguments, or to a list of them where a name occurs twice."""
    training: TrainingOptions = TrainingOptions()
    """How to meta-train; missing options keep their defaults."""

    @property
    def recipe(self) -> Recipe:
        """The learner to build."""
        return Recipe(self.learner, self.encoder, self.learner_options, self.encoder_options)

    def command_recipe(self) -> dict[str, Any]:
        """Return the recipe for a command, with the training options that were set.

        Defaults are dropped, so that a new option in a later version does not train every model
        again.
        """
        training = self.training.model_dump(mode="json", exclude_unset=True)
        return {**self.recipe.to_dict(), "training": training}


class ModelOptions(LearnerOptions):
    """A model to meta-train."""

    section = "model"

    encoder: str = "gine"
    """Name of an encoder (a file in molmeta/encoders), or several joined by '+'."""
    init: str = ""
    """Another model of this config whose encoder to start from, or `pretrained`. For a joined
    encoder, one model for each part, joined by '+'."""

    @property
    def starts(self) -> list[str]:
        """Names of the models in `init`."""
        return [name for name in self.init.split("+") if name]


class WorkflowEvaluation(EvaluationPlan):
    """An evaluation plan whose query sets are limited by default."""

    n_query: Size | None = 512
    """Largest number of compounds in a query set; null takes all that are not in the support."""


class ScreenPlate(PlateOptions):
    """The next plate to measure."""

    controls: FileName | None = None
    """CSV of controls with fixed wells, with the columns well, compound and smiles."""
    exclude: FileName | None = None
    """Compounds that have been measured elsewhere, in any format of a library."""


class ScreenOptions(Options):
    """A library to rank for one assay."""

    section = "screen"

    name: Name
    """Name of the result files."""
    support: FileName
    """The measured compounds: split/table of `tables`, or a table of your own."""
    assay: str | None = None
    """The assay to use, where the table holds several."""
    size: Size | None = None
    """Number of compounds to draw from the assay; null takes all."""
    library: FileName
    """SMILES lines, CSV, Excel, SDF, Parquet, or a file of `molmeta featurize LIBRARY`."""
    model: str
    """One of `models`, a baseline, or pretrained."""
    seed: NonNegativeInt = 0
    """Seed of the model and of the draw."""
    top: NonNegativeInt = 1000
    """Number of hits to write and to draw on a page; 0 writes every compound and no page."""
    prevalence: Share | Literal["estimate"] | None = None
    """Share of actives in the library, to which probabilities are adjusted. `estimate` estimates it
    from the scores; null leaves probabilities at the share of actives in the support."""
    exclude_support: bool = False
    """Leave the compounds of the support out of the hits."""
    parts: PositiveInt = 1
    """Number of jobs that share a large library; they can run at the same time."""
    plate: ScreenPlate | None = None
    """The next plate to measure; null for none, {} for the defaults."""


class SearchOptions(LearnerOptions):
    """A learner whose options to search; those that are given here stay as they are."""

    section = "search"

    name: Name
    """Name of the result files."""
    budget: Annotated[str, *text_like(r"\d+[smh]", "must be a time such as 90s, 60m or 2h")] = "30m"
    """Time for trials of each worker."""
    trials: PositiveInt | None = None
    """Largest number of trials of all workers; null for no limit but the time."""
    workers: PositiveInt = 1
    """Processes that search together."""
    seed: NonNegativeInt = 0
    """Seed of weights, draws and the search."""


NamedT = TypeVar("NamedT", ScreenOptions, SearchOptions)


def _distinct_names(items: tuple[NamedT, ...]) -> tuple[NamedT, ...]:
    distinct([item.name for item in items])
    return items


def _bundled_model(
    learner: str, options: Mapping[str, object] | None = None, **training: object
) -> ModelOptions:
    common = {
        "steps": 60,
        "episodes": 8,
        "n_query": 32,
        "supports": [16, 32, 64],
        "encoder_rate": 0.0,
        "validate_every": 20,
    }
    return ModelOptions(
        learner=learner,
        encoder="gine",
        init="pretrained",
        learner_options=dict(options or {}),
        training=TrainingOptions.from_mapping({**common, **training}),
    )


class Config(Options):
    """The configuration of the workflow; config/config.yaml is an example with all keys.

    Raises:
        ConfigError: in one line, an unknown key or a value of the wrong type or out of range.
    """

    section = "config"
    renamed: ClassVar = {"opponents": "baselines"}

    tables: FileName = "data/assays"
    """Folder with the tables of each split in train/, valid/ and test/, or with one file, or one
    folder of FS-Mol's release, for each split."""
    layout: Layout = Layout()
    """How the tables are laid out, where they differ from data/README.md."""
    curation: Rules = Rules()
    """Which rows and assays to keep, and what counts as active."""
    plugins: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(distinct)] = ()
    """Python files or entry points with learners, encoders, featurizers or metrics of your own."""
    featurizers: Annotated[
        tuple[str, ...], Field(min_length=1, strict=False), AfterValidator(distinct)
    ] = ("graph", "morgan", "morgan3", "pharmacophores", "atom_pairs", "torsions")
    """Features to compute for each compound."""
    near: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Tanimoto similarity from which the audit counts two compounds as near neighbours."""
    models: Mapping[Name, ModelOptions] = {
        "protonet": _bundled_model(
            "protonet", {"length": 2.0, "bandwidth": 0.65}, learning_rate=0.02
        ),
        "maml": _bundled_model(
            "maml",
            {"prototypes": True, "inner_steps": 1, "evaluation_steps": 1, "inner_rate": 0.05},
            steps=10,
            episodes=4,
            supports=(16, 32),
            encoder_rate=0.1,
            validate_every=10,
            validation_repeats=1,
        ),
        "mann": _bundled_model("mann", {"centred": True, "matching": True}),
    }
    """Models to meta-train, under names of your choice."""
    seeds: SeedList = (0,)
    """Each model is trained once with each of these seeds."""
    baselines: Annotated[tuple[Baseline, ...], Field(strict=False), AfterValidator(distinct)] = (
        "pretrained",
        "similarity",
        "tanimoto_gp",
        "logistic_regression",
        "random_forest",
    )
    """Learners without meta-training, and the pretrained model, evaluated on the same episodes."""
    evaluation: WorkflowEvaluation = WorkflowEvaluation()
    """The episodes that every model is evaluated on."""
    examples: str = "protonet/0"
    """Model and seed whose ranking of one episode per assay is drawn in the report."""
    screens: Annotated[
        tuple[ScreenOptions, ...], Field(strict=False), AfterValidator(_distinct_names)
    ] = (
        ScreenOptions(
            name="nci",
            support="test/CHEMBL4005_Ki",
            size=64,
            library="data/libraries/nci_5k.smi",
            model="pretrained",
        ),
    )
    """Libraries to rank."""
    automl: Annotated[
        tuple[SearchOptions, ...], Field(strict=False), AfterValidator(_distinct_names)
    ] = ()
    """Learners whose options to search on the validation assays."""

    @property
    def trained(self) -> list[str]:
        """Every model with every seed, as model/seed."""
        return [f"{model}/{seed}" for model in self.models for seed in self.seeds]

    @property
    def evaluated(self) -> list[str]:
        """What is evaluated, as model/seed; baselines have seed 0."""
        return [*self.trained, *(f"{name}/0" for name in self.baselines)]
