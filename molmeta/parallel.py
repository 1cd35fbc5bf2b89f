"""The same function over many items, on several processes; keeps the order. Knows no chemistry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import joblib

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 1_000
"""Items sent at once: some 0.5 s of RDKit work, against about 1 ms to send them."""


def mapped(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    cores: int = 1,
    chunk: int = CHUNK,
) -> list[Result]:
    """Return `function(item)` for every item, in the order of the items.

    Few items, or one core, are done in this process: starting others costs half a second each.

    Args:
        function: a public or private function of a module, so that it can be sent by name.
        items: what can be pickled.
        cores: processes to use, at least 1.
        chunk: items a process takes at once.

    Example:
        >>> mapped(len, ["C", "CC"], cores=2)
        [1, 2]
    """
    if cores <= 1 or len(items) <= chunk:
        return _chunk(function, items)
    parts = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    untyped: Any = joblib
    tasks = (untyped.delayed(_chunk)(function, part) for part in parts)
    done: list[list[Result]] = untyped.Parallel(n_jobs=min(cores, len(parts)))(tasks)
    return [result for part in done for result in part]


def _chunk(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]
