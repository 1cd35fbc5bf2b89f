"""Checks blocks read from a file before anything uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molmeta.molecules.blocks import Molecules


def consistent(molecules: Molecules, g: int) -> bool:
    """Return whether blocks read from a file can be used for g molecules without further checks."""
    return all(block.fits(g) for block in molecules.blocks.values())
