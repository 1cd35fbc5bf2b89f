"""A generated input, made of pieces that can be left out one by one to shrink it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        kind: what reads it, a key of `targets.KINDS`.
        pieces: plain values, such as characters, lines or edits of a file.
        options: plain values that say how the pieces are put together and read.
    """

    kind: str
    pieces: Sequence[Any]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.kind}-{hashlib.sha256(self.text().encode()).hexdigest()[:10]}"

    def text(self) -> str:
        content = {"kind": self.kind, "pieces": self.pieces, "options": self.options}
        return json.dumps(content, sort_keys=True, indent=1) + "\n"

    def with_pieces(self, pieces: Sequence[Any]) -> Case:
        return replace(self, pieces=list(pieces))


def read_case(path: Path) -> Case:
    return Case(**json.loads(path.read_text()))


def shrunk(case: Case, fails: Callable[[Case], bool], *, tries: int = 400) -> Case:
    """Leave out pieces for as long as the case fails in the same way.

    Source:
        Zeller and Hildebrandt, Simplifying and isolating failure-inducing input, IEEE Trans.
        Softw. Eng. 2002 (delta debugging).
    """
    size = max(1, len(case.pieces) // 2)
    while size:
        start = 0
        while start < len(case.pieces) and tries:
            tries -= 1
            fewer = case.with_pieces([*case.pieces[:start], *case.pieces[start + size :]])
            if fails(fewer):
                case = fewer
            else:
                start += size
        size //= 2
    return case
