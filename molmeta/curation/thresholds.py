"""From values to labels: the threshold of each assay, and the side of it that a value is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from molmeta.curation.units import LARGEST_PERCENT, PERCENT_UNIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

TargetClass = Literal["enzyme", "other"]
WINDOWS: dict[TargetClass, tuple[float, float]] = {"enzyme": (5.0, 7.0), "other": (4.0, 6.0)}
"""Range of pX in which the median of an assay is its threshold."""
FALLBACK_PX = 5.0
"""Threshold in pX where the median is outside that range."""
LOWEST_PERCENT = 50.0
"""Lowest threshold of % inhibition."""


def thresholds_of(
    merged: pd.DataFrame, *, target_class: TargetClass, overrides: Mapping[str, float]
) -> pd.Series:
    """Return the threshold of every assay without labels, NaN for assays with labels.

    It is the median of the assay, if that is in the window of the target class, and pX 5
    otherwise. For % inhibition it is the median, but at least 50 %. Bounds count as values.

    Args:
        merged: columns assay, active, value and unit, one row per compound.
        target_class: a key of `WINDOWS`.
        overrides: thresholds by assay, used instead.

    Returns:
        float64, indexed by assay.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021, appendix on thresholds.
    """
    by_assay = merged.groupby("assay")
    median, unit = by_assay["value"].median(), by_assay["unit"].first()
    px = median.where(median.between(*WINDOWS[target_class]), FALLBACK_PX)
    rule = px.mask(unit.eq(PERCENT_UNIT), median.clip(lower=LOWEST_PERCENT))
    override = rule.index.to_series().map(dict(overrides)).astype("float64")
    labelled = by_assay["active"].count().gt(0)
    return override.fillna(rule).mask(labelled).astype("float64")


class OwnThreshold(NamedTuple):
    """Threshold that splits an assay where its default leaves too few of a class.

    Attributes:
        threshold: on the scale of the assay, pX or %.
        is_median: whether it is the median of the assay.
        default: threshold that it replaces.
        n_active: compounds that the default makes active.
        n: compounds that the default labels.
    """

    threshold: float
    is_median: bool
    default: float
    n_active: int
    n: int


def own_thresholds(
    merged: pd.DataFrame, defaults: pd.Series, *, least_share: float
) -> dict[str, OwnThreshold]:
    """Return the thresholds of assays whose default leaves less than a share of a class.

    It is the median of the assay. If that also leaves too few of a class, it is the value between
    two measurements that splits the assay most evenly.

    Args:
        merged: columns assay, value and relation, one row per compound, without given labels.
        defaults: threshold by assay, NaN for assays with labels.
        least_share: smallest share of each class that is enough.
    """
    replaced: dict[str, OwnThreshold] = {}
    for name, rows in merged.groupby("assay"):
        default = float(defaults[name])
        n_active, n_inactive = _classes(rows, default)
        n = n_active + n_inactive
        if np.isnan(default) or min(n_active, n_inactive) >= max(1.0, least_share * n):
            continue
        median, values = float(rows["value"].median()), np.unique(rows["value"])
        cuts = [median, *(values[1:] + values[:-1]) / 2]
        if min(_classes(rows, median)) < least_share * len(rows):
            best = max(cuts, key=lambda cut: min(_classes(rows, cut)))
        else:
            best = median
        if min(_classes(rows, best)) > min(n_active, n_inactive):
            replaced[str(name)] = OwnThreshold(best, best == median, default, n_active, n)
    return replaced


def _classes(rows: pd.DataFrame, limit: float) -> tuple[int, int]:
    """Number of actives and of inactives at a threshold."""
    above, undecided = _sides(rows["value"], rows["relation"], limit)
    return int((above & ~undecided).sum()), int((~above & ~undecided).sum())


def _sides(
    value: pd.Series, relation: pd.Series, limit: pd.Series | float
) -> tuple[pd.Series, pd.Series]:
    """Whether each value is above the threshold, and whether its bound leaves that open."""
    undecided = (relation.eq("<") & value.gt(limit)) | (relation.eq(">") & value.lt(limit))
    # At the threshold, an exact value is inactive, but '> x' says that the value is above it.
    return value.gt(limit) | (relation.eq(">") & value.ge(limit)), undecided


def label(merged: pd.DataFrame, thresholds: pd.Series) -> pd.DataFrame:
    """Set `active` where the table has no label: 1 above the threshold, 0 up to it.

    A bound labels its compound only if it excludes the other side of the threshold. At a threshold
    of 5, "below pX 4" is inactive, and "below pX 6" is dropped as undecidable.

    Labels in the table are kept. If the actives of a labelled assay have lower values than its
    inactives, the unit in the table is wrong: FS-Mol gives some % inhibition as nM. These values
    are converted back to %, and left blank if they cannot be percentages.

    Args:
        merged: columns assay, active, value, unit, relation, reason and detail, one row per
            compound.
        thresholds: threshold by assay.
    """
    limit = merged["assay"].map(thresholds).astype("float64")
    above, undecided = _sides(merged["value"], merged["relation"], limit)
    unlabelled = merged["reason"].eq("") & merged["active"].isna()
    dropped = merged.index[undecided & unlabelled]
    labelled = merged.assign(active=merged["active"].mask(unlabelled, above.astype("float64")))
    labelled.loc[dropped, "reason"] = "undecidable"
    bounds = merged.loc[dropped, ["relation", "value"]].assign(limit=limit).to_numpy().tolist()
    labelled.loc[dropped, "detail"] = [f"{r} {v:.4g}, threshold {at:.4g}" for r, v, at in bounds]
    return _with_percent_restored(labelled, unlabelled)


def _with_percent_restored(merged: pd.DataFrame, derived: pd.Series) -> pd.DataFrame:
    """Convert values back to % in assays whose actives have lower values than their inactives.

    Args:
        merged: as in `label`, with all labels.
        derived: whether a label was derived from the value; these labels prove nothing.
    """
    with_both = merged[~derived & merged["value"].notna()]
    means = with_both.groupby(["assay", "active"])["value"].mean().unstack()
    if 0.0 not in means or 1.0 not in means:
        return merged
    reversed_scale = merged["assay"].isin(means.index[means[1.0].lt(means[0.0])]) & ~derived
    # Undoes pX = 9 - log10(x nM): x is the number in the table, in nM.
    percent = 10 ** (9 - merged["value"])
    possible = percent.le(LARGEST_PERCENT)
    restored, blank = reversed_scale & possible, reversed_scale & ~possible
    relation = merged["relation"].replace({"<": ">", ">": "<"})
    return merged.assign(
        value=merged["value"].mask(restored, percent).mask(blank, np.nan),
        unit=merged["unit"].mask(restored, PERCENT_UNIT).mask(blank, ""),
        relation=merged["relation"].mask(restored, relation).mask(blank, ""),
    )
