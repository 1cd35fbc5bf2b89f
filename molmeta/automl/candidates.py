"""Candidates of an automatic choice: single learners, and ensembles of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.learners._parents.profile_process import STRUCTURES
from molmeta.models.model import Model
from molmeta.models.named import baseline
from molmeta.models.pretrained import NAME, pretrained_with
from molmeta.models.recipes import Recipe
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.learners.base import Target

FOUR = "+".join(STRUCTURES)
GRADED = "_graded"
"""End of the names of members that read measured values in addition to the labels."""
BASELINES: dict[str, tuple[str, dict[str, Any]]] = {
    "similarity": ("similarity", {}),
    "logistic_regression": ("logistic_regression", {}),
    "tanimoto_gp": ("tanimoto_gp", {}),
    "tanimoto_gp_4": ("tanimoto_gp", {"fingerprints": FOUR}),
    "tanimoto_gp_4_graded": ("tanimoto_gp", {"fingerprints": FOUR, "graded": True}),
}
"""Learner and options of each member that needs no training, by the name of the member."""
MEMBERS: dict[str, tuple[str, ...]] = {
    "activity": (
        NAME, NAME + GRADED, "similarity", "logistic_regression", "tanimoto_gp_4_graded",
    ),
    "value": (NAME, "tanimoto_gp", "tanimoto_gp_4"),
}  # fmt: skip
"""Members of the candidates by what they predict."""


@dataclass(frozen=True)
class CandidateModel:
    """A single learner, or an ensemble of several.

    Attributes:
        name: names of its members, joined by '+'.
        weights: weight of each member's outputs, by its name.
    """

    name: str
    weights: Mapping[str, float]


def member_models(target: Target = "activity") -> dict[str, Model]:
    """Return the members as models by name."""
    return {name: _member(name, target) for name in MEMBERS[target]}


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


def _member(name: str, target: Target) -> Model:
    if name.removesuffix(GRADED) == NAME:
        return pretrained_with(graded=name.endswith(GRADED), target=target)
    learner, options = BASELINES[name]
    values = {"target": target} if target == "value" and learner == "tanimoto_gp" else {}
    return baseline(learner, {**options, **values})
