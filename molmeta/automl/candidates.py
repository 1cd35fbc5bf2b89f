"""Candidates of an automatic choice: single models, and ensembles of two.

A candidate is one entry of `MEMBERS`, or one of `BLENDS`. It can be chosen once
`studies/automl/measure.py` and `fit.py` have measured it on earlier assays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from molmeta.errors import ConfigError
from molmeta.learners._parents.profile_process import STRUCTURES
from molmeta.models.model import Model
from molmeta.models.named import baseline
from molmeta.models.pretrained import NAME, NAMES, load_pretrained, pretrained_with
from molmeta.models.recipes import Recipe
from molmeta.molecules.featurizers import get, require_features
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.learners.base import Target

FOUR = "+".join(STRUCTURES)
ACTIVITY: tuple[Target, ...] = ("activity",)
VALUE: tuple[Target, ...] = ("value",)


@dataclass(frozen=True)
class Member:
    """A model that is a candidate, and that ensembles can consist of.

    Attributes:
        title: name for people to read.
        learner: name of a baseline or of a pretrained model.
        options: options of the learner.
        targets: what it is a candidate for.
    """

    title: str
    learner: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    targets: tuple[Target, ...] = ACTIVITY

    def build(self, target: Target) -> Model:
        """Return it as a model.

        Raises:
            ConfigError: the learner lacks an option, or a featurizer cannot be used.
        """
        options = {**self.options} if target == "activity" else {**self.options, "target": target}
        if self.learner == NAME:
            return pretrained_with(**options)
        if self.learner in NAMES:
            return load_pretrained(name=self.learner)
        return baseline(self.learner, options)


class Blend(NamedTuple):
    """An ensemble of two members.

    Attributes:
        first, second: names of the members.
        share: spread of the second member's outputs relative to that of the first.
    """

    first: str
    second: str
    share: float

    @property
    def name(self) -> str:
        return f"{self.first}+{self.second}*{self.share:g}"

    @property
    def title(self) -> str:
        """Name for people to read."""
        titles = MEMBERS[self.first].title, MEMBERS[self.second].title
        return f"ensemble: {titles[0]}; {titles[1]} at {self.share:g} of its weight"


REFERENCE: dict[Target, str] = {"activity": "pretrained_graded", "value": "pretrained_values"}
"""Name of the candidate that is chosen unless another is expected to be better."""
LABELS_ONLY: dict[Target, str] = {"activity": "pretrained", "value": ""}
"""Name of the candidate that is the same as the reference for a support without values."""
MEMBERS: dict[str, Member] = {
    "pretrained_graded": Member("pretrained model", NAME, {"graded": True}),
    "pretrained": Member("pretrained model, labels without measured values", NAME),
    "pretrained_values": Member("pretrained model", NAME, targets=VALUE),
    "pretrained_gine": Member("pretrained graph network", "pretrained_gine"),
    "similarity": Member("similarity search", "similarity"),
    "logistic_regression": Member("logistic regression on fingerprints", "logistic_regression"),
    "logistic_regression_descriptors": Member(
        "logistic regression on descriptors", "logistic_regression", {"features": "descriptors"}
    ),
    "random_forest": Member("random forest on fingerprints", "random_forest"),
    "random_forest_descriptors": Member(
        "random forest on descriptors", "random_forest", {"features": "descriptors"}
    ),
    "tanimoto_gp_4_graded": Member(
        "Gaussian process on four fingerprints",
        "tanimoto_gp", {"fingerprints": FOUR, "graded": True},
    ),
    "tanimoto_gp": Member("Gaussian process on fingerprints", "tanimoto_gp", targets=VALUE),
    "tanimoto_gp_4": Member(
        "Gaussian process on four fingerprints", "tanimoto_gp", {"fingerprints": FOUR}, VALUE
    ),
}  # fmt: skip
"""What is tried, by its technical name."""
BLENDS: dict[Target, tuple[Blend, ...]] = {
    "activity": (
        Blend("pretrained_graded", "tanimoto_gp_4_graded", 0.2),
        Blend("pretrained_graded", "tanimoto_gp_4_graded", 0.5),
        Blend("pretrained_graded", "logistic_regression", 0.2),
        Blend("pretrained_graded", "logistic_regression", 0.5),
    ),
    "value": (
        Blend("pretrained_values", "tanimoto_gp_4", 0.25),
        Blend("pretrained_values", "tanimoto_gp_4", 0.5),
    ),
}


@dataclass(frozen=True)
class CandidateModel:
    """A single learner, or an ensemble of several.

    Attributes:
        name: names of its members, joined by '+'.
        weights: weight of each member's outputs, by its name.
    """

    name: str
    weights: Mapping[str, float]


def members_for(target: Target = "activity") -> dict[str, Member]:
    """Return the members that predict a target, by name."""
    return {name: member for name, member in MEMBERS.items() if target in member.targets}


def titles_for(target: Target = "activity") -> dict[str, str]:
    """Return the name of each candidate for people to read.

    Example:
        >>> titles_for("value")["tanimoto_gp_4"]
        'Gaussian process on four fingerprints'
    """
    titles = {name: member.title for name, member in members_for(target).items()}
    return titles | {blend.name: blend.title for blend in BLENDS[target]}


def member_models(
    target: Target = "activity", members: Mapping[str, Member] | None = None
) -> dict[str, Model]:
    """Return members as models by name; None takes all that predict the target."""
    chosen = members_for(target) if members is None else members
    return {name: member.build(target) for name, member in chosen.items()}


def members_with(featurizer: str, target: Target = "activity") -> dict[str, tuple[Member, str]]:
    """Members on features that the user named, each with the measured candidate most like it.

    Raises:
        ConfigError: the featurizer is unknown, its package is missing, it makes graphs, or no
            member predicts values from it.
    """
    require_features(featurizer)
    further = dict[str, tuple[Member, str]]()
    if get(featurizer).kind == "vector":
        reference, like = REFERENCE[target], BLENDS[target][0].name
        with_vectors = Member(
            f"{MEMBERS[reference].title} and {featurizer}", NAME,
            {**MEMBERS[reference].options, "further": featurizer}, (target,),
        )  # fmt: skip
        further[f"{reference}:{featurizer}"] = (with_vectors, like)
    if target == "activity":
        for learner in ("logistic_regression", "random_forest"):
            title = f"{learner.replace('_', ' ')} on {featurizer}"
            member = Member(title, learner, {"features": featurizer})
            further[f"{learner}:{featurizer}"] = (member, "logistic_regression_descriptors")
    if not further:
        raise ConfigError(
            f"--featurizer: values cannot be predicted from the fingerprint '{featurizer}'; got "
            "'--target value' with it, expected a featurizer of vectors such as 'descriptors'. "
            "Choose another, or leave --target out."
        )
    return further


def model_of(candidate: CandidateModel, members: Mapping[str, Model]) -> Model:
    """Return a candidate as one model, which `molmeta.load` can read once it is saved.

    Args:
        candidate: the candidate.
        members: its members and perhaps others, as models.
    """
    if len(candidate.weights) == 1:
        return members[next(iter(candidate.weights))]
    parts = [(weight, members[name]) for name, weight in candidate.weights.items()]
    options = [{**model.recipe.to_dict(), "weight": weight} for weight, model in parts]
    recipe = Recipe("ensemble", learner_options={
        "members": options, "target": parts[0][1].learner.target,
    })  # fmt: skip
    learner: Any = recipe.build(0).eval()
    for member, (_, model) in zip(learner.learners, parts, strict=True):
        member.load_state_dict(model.learner.state_dict(), assign=True)
    return Model(learner, recipe, {"version": __version__})
