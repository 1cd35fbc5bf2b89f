"""Checks of the labels of a support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.errors import EpisodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.molecules.compounds import Compound


def require_labels(
    smiles: Sequence[str], active: Sequence[int], values: Sequence[float] | None
) -> None:
    """Refuse labels other than 0 and 1, and a number of labels or values that differs from S.

    Raises:
        EpisodeError: with both numbers, or the first label that is not valid.
    """
    for what, numbers in (("labels", active), ("values", active if values is None else values)):
        if len(smiles) != len(numbers):
            raise EpisodeError(
                f"support: unequal lengths; got {len(smiles)} SMILES and {len(numbers)} {what}, "
                "expected one for each SMILES. Pair them again."
            )
    wrong = [label for label in active if label not in (0, 1)]
    if wrong:
        raise EpisodeError(
            f"support: a label is neither 0 nor 1; got {wrong[0]!r}, expected 1 for active and "
            "0 for inactive. Apply a threshold to measured values first."
        )


def require_one_label_each(compounds: Sequence[Compound], active: Sequence[int]) -> None:
    """Refuse a compound that is both active and inactive.

    Raises:
        EpisodeError: with its SMILES.
    """
    label_of: dict[str, int] = {}
    for parsed, label in zip(compounds, active, strict=True):
        if label_of.setdefault(parsed.inchikey, label) != label:
            raise EpisodeError(
                f"support: a compound has both labels; got '{parsed.smiles}' as active and as "
                "inactive, expected one label for each compound. Remove it or correct its label."
            )
