"""A recipe names a learner, its encoder and their options: all that it takes to build one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from molmeta import encoders, learners, registry
from molmeta.errors import ConfigError, one_line
from molmeta.runtime.seeds import torch_seed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.learners import MetaLearner

# What constructors raise, our own and those of torch: its sizes are checked by `assert`.
_UNFIT = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What to build.

    Attributes:
        learner: name of a file in `molmeta/learners`.
        encoder: name of a file in `molmeta/encoders`, or several joined by '+'; "" for none.
        learner_options: keyword arguments of the learner.
        encoder_options: keyword arguments of the encoder; of a join, by the name of each part, as
            a list where a name comes twice.
    """

    learner: str
    encoder: str = ""
    learner_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    encoder_options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def build(self, seed: int) -> MetaLearner:
        """Return a new learner, its weights drawn from the seed.

        Raises:
            ConfigError: an unknown name or option, or options that nothing can be built from.
        """
        try:
            return self._built(seed)
        except _UNFIT as error:
            raise ConfigError(
                f"recipe: '{self.learner}' with encoder '{self.encoder}' cannot be built; got "
                f"'{one_line(error)}', expected options that fit together. Correct the recipe."
            ) from error

    def _built(self, seed: int) -> MetaLearner:
        found = learners.get(self.learner)
        options = registry.bind(found, self.learner_options, f"learner '{self.learner}'")
        with torch_seed(seed, "weights"):
            if not self.encoder:
                return found(**options)
            return found(encoders.build(self.encoder, self.encoder_options), **options)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def recipe_of(entry: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a config entry.

    Raises:
        ConfigError: the learner is missing or a key is unknown.
    """
    known = ("learner", "encoder", "learner_options", "encoder_options")
    unknown = sorted(set(entry) - set(known))
    if unknown or "learner" not in entry:
        raise ConfigError(
            f"recipe: got the keys {sorted(entry)}, expected 'learner' and any of {known[1:]}. "
            "See 'models' in config/config.yaml."
        )
    return Recipe(**entry)
