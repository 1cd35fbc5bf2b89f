"""The fingerprints that the opponents read. Learns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.blocks import Bits

if TYPE_CHECKING:
    from molmeta.blocks import Molecules

BLOCK = "morgan"


def bits_of(molecules: Molecules) -> Bits:
    """Return the fingerprints.

    Raises:
        ConfigError: the molecules come without.
    """
    return molecules.block(BLOCK, Bits)
