"""Checks of the labels of a support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.errors import EpisodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.molecules.compounds import Compound


def require_equal_lengths(smiles: Sequence[str], others: Sequence[float], what: str) -> None:
    """Refuse labels or values whose number is not that of the compounds.

    Raises:
        EpisodeError: the lengths differ; the message names the others as `what`.
    """
    if len(smiles) != len(others):
        raise EpisodeError(
            f"support: unequal lengths; got {len(smiles)} SMILES and {len(others)} {what}, "
            "expected one for each SMILES. Pair them again."
        )


def require_labels(smiles: Sequence[str], active: Sequence[int]) -> None:
    """Refuse labels other than 0 and 1, and a number of them that is not that of the compounds.

    Raises:
        EpisodeError: with the number of labels, or the first label that is not valid.
    """
    require_equal_lengths(smiles, active, "labels")
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
