"""Settings that worked in earlier searches, from which the next search starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molmeta.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optuna.distributions import BaseDistribution

PATH = Path(__file__).with_name("portfolio.json")


def portfolio(
    learner: str, space: Mapping[str, BaseDistribution], path: Path = PATH
) -> Iterator[dict[str, Any]]:
    """Yield the settings for a learner, best first, with only those options that are searched.

    Raises:
        ModelError: the file that ships with the package is missing or damaged.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8")).get(learner, [])
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{path}: the portfolio cannot be read; got '{error}', expected the file of this "
            "release. Install molmeta again."
        ) from error
    for setting in settings:
        yield fitting(setting, space)


def fitting(setting: Mapping[str, Any], space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """Return those options of a setting that a space searches and whose value it allows."""
    return {
        name: value
        for name, value in setting.items()
        if name in space and _allows(space[name], value)
    }


def _allows(distribution: BaseDistribution, value: Any) -> bool:  # noqa: ANN401 - any option
    try:
        internal = distribution.to_internal_repr(value)
    except (ValueError, TypeError):
        return False
    # Optuna has no public form.
    return distribution._contains(internal)  # pyright: ignore[reportPrivateUsage]
