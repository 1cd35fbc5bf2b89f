"""Supports like those of users, drawn from a target with known actives, and actives to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from molmeta.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LEAST_OF_A_CLASS = 2
LEAST_HIDDEN = 5
STARTS = 20
"""Compounds to try as the centre of a neighbourhood."""
FAR = 0.4
"""Tanimoto similarity below which an active is a scaffold hop from every compound of a support."""


@dataclass(frozen=True)
class Target:
    """The N compounds of a target.

    Attributes:
        active: whether each compound is active, shape (N,).
        similarity: from the index of a compound to its Tanimoto similarity to all, shape (N,).
    """

    active: NDArray[np.bool_]
    similarity: Callable[[int], NDArray[np.float64]]


@dataclass(frozen=True)
class Drawn:
    """A support, and the actives that it does not contain.

    Attributes:
        support: indices of its compounds, int64.
        hidden: indices of the actives to find, int64.
    """

    support: NDArray[np.int64]
    hidden: NDArray[np.int64]


@dataclass(frozen=True)
class SupportKind:
    """What a support consists of, such as `series:24` or `unrelated:5+20`.

    | name      | compounds of the target                  | hidden                                |
    | --------- | ---------------------------------------- | ------------------------------------- |
    | series    | n at random, with both classes           | its other actives                     |
    | hop       | one at random and its n - 1 nearest      | actives with T < 0.4 to all of them   |
    | actives   | n actives                                | its other actives                     |
    | unrelated | n actives, and m compounds of a library  | its other actives                     |
    | mixed     | a series of n, and m compounds of a library | its other actives                  |

    Attributes:
        name: one of the table.
        measured: n, number of compounds of the target.
        presumed: m, number of library compounds that are presumed inactive.
    """

    name: str
    measured: int
    presumed: int = 0

    @classmethod
    def parsed(cls, text: str) -> SupportKind:
        """Return the kind that a text names.

        Raises:
            ConfigError: the name is unknown, or the numbers are not those that it needs.
        """
        name, _, numbers = text.strip().partition(":")
        if name not in KINDS:
            raise ConfigError(f"enrichment: {unknown_name('kind of support', name, KINDS)}")
        counts = [int(part) if part.isdecimal() else 0 for part in numbers.split("+")]
        if min(counts) < 1 or len(counts) != (2 if name in WITH_LIBRARY else 1):
            example = f"{name}:{'5+20' if name in WITH_LIBRARY else '24'}"
            raise ConfigError(
                f"enrichment: the size of a support is not understood; got '{text}', expected "
                f"numbers of at least 1 as in '{example}'. Correct --supports."
            )
        return cls(name, *counts)

    def draw(self, target: Target, rng: np.random.Generator) -> Drawn | None:
        """Return a support, or None if the target has too few compounds for one."""
        drawn = KINDS[self.name](target, self.measured, rng)
        return drawn if drawn is not None and len(drawn.hidden) >= LEAST_HIDDEN else None

    def __str__(self) -> str:
        return f"{self.name}:{self.measured}" + (f"+{self.presumed}" if self.presumed else "")


def _series(target: Target, n: int, rng: np.random.Generator) -> Drawn | None:
    actives, inactives = (
        rng.permutation(np.flatnonzero(target.active == y)) for y in (True, False)
    )
    share = len(actives) / len(target.active)
    n_active = min(max(round(n * share), LEAST_OF_A_CLASS), n - LEAST_OF_A_CLASS)
    if n_active < 1 or len(actives) < n_active or len(inactives) < n - n_active:
        return None
    support = np.concatenate([actives[:n_active], inactives[: n - n_active]])
    return Drawn(support, actives[n_active:])


def _hop(target: Target, n: int, rng: np.random.Generator) -> Drawn | None:
    if len(target.active) < n:
        return None
    for centre in rng.permutation(len(target.active))[:STARTS]:
        support = np.argsort(-target.similarity(int(centre)), kind="stable")[:n]
        n_active = int(target.active[support].sum())
        # Far from all of the support: a compound far from its centre may be near another one.
        nearest = np.max([target.similarity(int(row)) for row in support], axis=0)
        hidden = np.flatnonzero(target.active & (nearest < FAR))
        both = LEAST_OF_A_CLASS <= n_active <= n - LEAST_OF_A_CLASS
        if both and len(hidden) >= LEAST_HIDDEN:
            return Drawn(support, rng.permutation(hidden))
    return None


def _actives(target: Target, n: int, rng: np.random.Generator) -> Drawn:
    actives = rng.permutation(np.flatnonzero(target.active))
    return Drawn(actives[:n], actives[n:])


KINDS = {
    "series": _series,
    "hop": _hop,
    "actives": _actives,
    "unrelated": _actives,
    "mixed": _series,
}
WITH_LIBRARY = ("unrelated", "mixed")
