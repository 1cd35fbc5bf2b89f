"""Recipes: the learner, the encoder and their options, as needed to build a learner."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

from torch.nn.modules.module import register_module_parameter_registration_hook

from molmeta import encoders, learners, registry
from molmeta.errors import ConfigError, one_line, unknown_name
from molmeta.runtime.seeds import torch_seed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from molmeta.learners import MetaLearner

# Raised by constructors for unusable options, those of torch included, which use `assert`.
_CONSTRUCTION_ERRORS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip

LARGEST_OPTION = 100_000
"""Options set sizes and numbers of steps, which no other limit bounds."""
MOST_PARAMETERS = 10_000
"""Tensors of a learner; many more take minutes to make and days to train."""


@dataclass(frozen=True)
class Recipe:
    """What to build.

    Attributes:
        learner: name of a learner, a file in `molmeta/learners`.
        encoder: name of an encoder, a file in `molmeta/encoders`, or several joined by '+'; "" for
            learners without an encoder.
        learner_options: keyword arguments of the learner.
        encoder_options: keyword arguments of the encoder. For a joined encoder, a mapping from the
            name of each part to its arguments, or to a list of them where a name occurs twice.
    """

    learner: str
    encoder: str = ""
    learner_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    encoder_options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def build(self, seed: int) -> MetaLearner:
        """Return a new learner with random weights drawn from the seed.

        Raises:
            ConfigError: an unknown name or option, or options that do not fit together.
        """
        try:
            for options in (self.learner_options, self.encoder_options):
                _require_modest(options)
            with at_most(MOST_PARAMETERS):
                return self._build(seed)
        except _CONSTRUCTION_ERRORS as error:
            raise ConfigError(
                f"recipe: cannot build learner '{self.learner}' with encoder '{self.encoder}'; "
                f"got '{one_line(error)}'. Correct the options."
            ) from error

    def _build(self, seed: int) -> MetaLearner:
        learner_class = learners.get(self.learner)
        options = registry.bind(learner_class, self.learner_options, f"learner '{self.learner}'")
        with torch_seed(seed, "weights"):
            if not self.encoder:
                return learner_class(**options)
            encoder = encoders.build(self.encoder, self.encoder_options)
            return learner_class(encoder, **options)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def recipe_of(entry: Mapping[str, Any]) -> Recipe:
    """Return the recipe in a mapping, such as an entry of `models` in the config.

    Raises:
        ConfigError: the learner is missing or a key is unknown.
    """
    keys = [field.name for field in fields(Recipe)]
    for key in entry:
        if key not in keys:
            raise ConfigError(f"recipe: {unknown_name('key', key, keys)}")
    if "learner" not in entry:
        raise ConfigError("recipe: 'learner' is missing. See 'models' in config/config.yaml.")
    return Recipe(**entry)


@contextmanager
def at_most(n: int) -> Generator[None]:
    """Refuse the parameter after the n-th while a learner is built, before there are more."""
    n_free = n

    def count(*_: object) -> None:
        nonlocal n_free
        n_free -= 1
        if n_free < 0:
            raise ValueError(f"more than {n} parameter tensors")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _require_modest(value: object) -> None:
    if isinstance(value, dict):
        value = list(cast("dict[str, object]", value).values())
    if isinstance(value, (list, tuple)):
        for part in cast("Iterable[object]", value):
            _require_modest(part)
    # Not `>`, which NaN would pass.
    elif isinstance(value, (int, float)) and not value <= LARGEST_OPTION:
        raise ValueError(f"the option {value}, expected at most {LARGEST_OPTION}")
