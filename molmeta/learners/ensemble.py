"""Ensemble: the weighted mean of several learners' logits or values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from torch import Tensor, nn

from molmeta import encoders, learners, registry
from molmeta.encoders.base import Encoder, Paper
from molmeta.errors import ConfigError
from molmeta.learners._parts.targets import require_target, support_numbers
from molmeta.learners.base import (
    MetaLearner,
    Predictor,
    Target,
    UncertainPredictor,
    has_library_predictor,
)
from molmeta.molecules.blocks import EMBEDDING, Molecules

if TYPE_CHECKING:
    from molmeta.assays.training_data import TrainingData
    from molmeta.molecules.labelled import Labelled

Member = Mapping[str, Any]
"""Keys learner, encoder, learner_options and encoder_options, as in a recipe; and weight."""
MEMBERS: tuple[Member, ...] = (
    {"learner": "tanimoto_gp"},
    {"learner": "tanimoto_gp", "learner_options": {"rank": "mean"}},
)
KEYS = {"learner", "encoder", "learner_options", "encoder_options", "weight"}
MOST, SMALLEST = 16, 1e-3


class Ensemble(MetaLearner):
    """The mean of what its members predict, each adapted to the same support.

    output(x) = sum_i w_i output_i(x) / sum_i w_i, over the members that accept the support: those
    that need inactives are skipped for actives alone. In a library (`adapt_library`), members
    without a separate predictor for libraries are skipped if another member has one. They do not
    presume that most of a library is inactive.

    Source:
        Hansen and Salamon, IEEE Trans. Pattern Anal. Mach. Intell. 1990, 12, 993 (ensembles).

    Args:
        encoder: not used; each member may have an encoder of its own.
        members: learner, options, encoder and weight of each, in the form of a recipe.
        target: 'activity' or 'value'; members with the option `target` get it.

    Raises:
        ConfigError: members are missing, a member is not in the form of a recipe or an ensemble
            itself, its weight is not above 0, or it cannot predict the target.
    """

    papers = (
        Paper(
            authors="Hansen, Lars Kai; Salamon, Peter",
            year=1990,
            title="Neural network ensembles",
            venue="IEEE Transactions on Pattern Analysis and Machine Intelligence",
            kind="article",
            doi="10.1109/34.58871",
        ),
    )
    use_when = "no single learner is reliable; `molmeta auto` writes its models in this form"
    meta_trained: ClassVar[bool] = False
    actives_only: ClassVar[bool] = True
    regression: ClassVar[bool] = True
    uncertainty: ClassVar[bool] = True

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        members: Sequence[Member] = MEMBERS,
        target: Target = "activity",
    ) -> None:
        super().__init__(encoder)
        require_target(target, "ensemble")
        if not 0 < len(members) <= MOST:
            raise _wrong(f"{len(members)} members", f"1 to {MOST}")
        self.target = target
        self.weights = tuple(_weight(member) for member in members)
        self.members = nn.ModuleList(_built(member, target) for member in members)

    @property
    def learners(self) -> tuple[MetaLearner, ...]:
        """The members."""
        return tuple(cast("MetaLearner", member) for member in self.members)

    @property
    def featurizers(self) -> tuple[str, ...]:
        names = (name for member in self.learners for name in member.featurizers)
        return tuple(dict.fromkeys((*super().featurizers, *names)))

    @property
    def library_featurizers(self) -> tuple[str, ...]:
        names = (name for member in self.learners for name in member.library_featurizers)
        return tuple(dict.fromkeys(names))

    def fit(self, data: TrainingData) -> None:
        super().fit(data)
        for member in self.learners:
            member.fit(data)

    def prepare(self, molecules: Molecules) -> Molecules:
        # Prepared vectors have one name for all learners, so those of two would be confused.
        with_encoder = [member for member in self.learners if member.encoder is not None]
        if len(with_encoder) != 1:
            return molecules
        prepared = with_encoder[0].prepare(molecules)
        if EMBEDDING not in prepared.blocks:
            return molecules
        return molecules.with_block(EMBEDDING, prepared.blocks[EMBEDDING])

    @property
    def for_libraries(self) -> bool:
        return any(learner.for_libraries for learner in self.learners)

    def adapt(self, support: Labelled) -> MeanPredictor:
        usable = self._usable(support)
        return MeanPredictor(tuple((w, m.adapt(support), m.uncertainty) for w, m in usable))

    def adapt_library(self, support: Labelled) -> MeanPredictor:
        parts = self._for_library(support)
        return MeanPredictor(tuple((w, m.adapt_library(support), m.uncertainty) for w, m in parts))

    def library_share(self, support: Labelled) -> float:
        parts = self._for_library(support)
        total = sum(weight for weight, _ in parts)
        return sum(weight * member.library_share(support) for weight, member in parts) / total

    def _for_library(self, support: Labelled) -> list[tuple[float, MetaLearner]]:
        usable = self._usable(support)
        return [(w, m) for w, m in usable if has_library_predictor(m)] or usable

    def _usable(self, support: Labelled) -> list[tuple[float, MetaLearner]]:
        support_numbers(support, self.target)
        every = list(zip(self.weights, self.learners, strict=True))
        if self.target == "value" or not bool((support.labels > 0.5).all()):
            return every
        # If none accepts actives alone, the first of them says so.
        return [(weight, m) for weight, m in every if m.actives_only] or every


@dataclass(frozen=True)
class MeanPredictor:
    """A weighted mean of predictors.

    Attributes:
        parts: weight above 0, predictor, and whether it has an uncertainty, of each.
    """

    parts: tuple[tuple[float, Predictor, bool], ...]

    def __call__(self, molecules: Molecules) -> Tensor:
        return _mean([(weight, predict(molecules)) for weight, predict, _ in self.parts])

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the mean standard deviation of the members that have one, shape (G,).

        Where none has one, it is the standard deviation of their outputs.
        """
        parts = [(w, cast("UncertainPredictor", p)) for w, p, certain in self.parts if certain]
        if parts:
            return _mean([(weight, p.uncertainty(molecules)) for weight, p in parts])
        outputs = torch.stack([predict(molecules).float() for _, predict, _ in self.parts])
        return outputs.std(0, correction=0).clamp(min=SMALLEST)


def _mean(parts: Sequence[tuple[float, Tensor]]) -> Tensor:
    total = sum(weight for weight, _ in parts)
    return torch.stack([weight / total * output for weight, output in parts]).sum(0).float()


def _built(member: Member, target: Target) -> MetaLearner:
    name, encoder = str(member["learner"]), str(member.get("encoder", ""))
    if name == "ensemble":
        raise _wrong("an ensemble as a member", "other learners")
    cls = learners.get(name)
    options = {**member.get("learner_options", {})}
    if "target" in registry.option_defaults(cls):
        options["target"] = target
    elif target == "value":
        raise _wrong(f"'{name}', which has no values", "members that predict values")
    options = registry.bind(cls, options, f"learner '{name}'")
    if not encoder:
        return cls(**options)
    return cls(encoders.build(encoder, member.get("encoder_options", {})), **options)


def _weight(member: Any) -> float:  # noqa: ANN401 - as given by the user or a file
    entry = cast("dict[str, Any]", member if isinstance(member, dict) else {})
    if "learner" not in entry or set(entry) - KEYS:
        raise _wrong(f"the member {member!r:.60}", f"a mapping with keys of {sorted(KEYS)}")
    weight = entry.get("weight", 1.0)
    if not (isinstance(weight, (int, float)) and 0 < weight < float("inf")):
        raise _wrong(f"the weight {weight}", "a number above 0")
    return float(weight)


def _wrong(got: str, expected: str) -> ConfigError:
    return ConfigError(
        f"learner 'ensemble': members are wrong; got {got}, expected {expected}. Correct its "
        "options."
    )
