"""From values to labels: where the threshold of an assay lies, and on which side a value is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from molmeta.curation.units import PERCENT_UNIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

TargetClass = Literal["enzyme", "other"]
WINDOWS: dict[TargetClass, tuple[float, float]] = {"enzyme": (5.0, 7.0), "other": (4.0, 6.0)}
"""Where on the pX scale the median of an assay may be its threshold."""
FALLBACK_PX = 5.0
LOWEST_PERCENT = 50.0
LARGEST_PERCENT = 500.0


def thresholds_of(
    merged: pd.DataFrame, *, target_class: TargetClass, overrides: Mapping[str, float]
) -> pd.Series:
    """Return the threshold of every assay that brings no labels, NaN for those that do.

    The median of the assay, bounds counted at their bound, if it lies in the window of the target
    class, else pX 5; for % inhibition the median, but at least 50 %.

    Args:
        merged: assay, active, value, unit; one row a compound.
        target_class: a key of `WINDOWS`.
        overrides: thresholds that are taken as they are, by assay.

    Returns:
        float64, by assay.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021, appendix on thresholds.
    """
    by_assay = merged.groupby("assay")
    median, unit = by_assay["value"].median(), by_assay["unit"].first()
    px = median.where(median.between(*WINDOWS[target_class]), FALLBACK_PX)
    chosen = px.mask(unit.eq(PERCENT_UNIT), median.clip(lower=LOWEST_PERCENT))
    given = chosen.index.to_series().map(dict(overrides)).astype("float64")
    labelled = by_assay["active"].count().gt(0)
    return given.fillna(chosen).mask(labelled).astype("float64")


def label(merged: pd.DataFrame, thresholds: pd.Series) -> pd.DataFrame:
    """Set `active` where the table gave none: 1 above the threshold, as FS-Mol, 0 up to it.

    A bound labels its compound only from the far side of the threshold: below pX 4 is inactive
    for a threshold of 5, below pX 6 cannot be decided and gets that reason. Labels that came with
    the table stay, and where the values of an assay run against them these are not on the scale
    that was claimed: FS-Mol gives % inhibition as if it were nM, and gets its % back; what is no
    percentage then is left blank.

    Args:
        merged: assay, active, value, unit, relation, reason, detail; one row a compound.
        thresholds: by assay.
    """
    limit = merged["assay"].map(thresholds).astype("float64")
    value, relation = merged["value"], merged["relation"]
    near = (relation.eq("<") & value.gt(limit)) | (relation.eq(">") & value.lt(limit))
    above = value.gt(limit) | (relation.eq(">") & value.ge(limit))
    open_rows = merged["reason"].eq("") & merged["active"].isna()
    lost = merged.index[near & open_rows]
    labelled = merged.assign(active=merged["active"].mask(open_rows, above.astype("float64")))
    labelled.loc[lost, "reason"] = "undecidable"
    labelled.loc[lost, "detail"] = _near_detail(merged.loc[lost], limit.loc[lost])
    return _with_percent_restored(labelled, open_rows)


def _near_detail(merged: pd.DataFrame, limit: pd.Series) -> list[str]:
    rows = zip(merged["relation"], merged["value"], limit, strict=True)
    return [f"{relation} {value:.4g}, threshold {at:.4g}" for relation, value, at in rows]


def _with_percent_restored(merged: pd.DataFrame, derived: pd.Series) -> pd.DataFrame:
    given = merged[~derived & merged["value"].notna()]
    means = given.groupby(["assay", "active"])["value"].mean().unstack()
    if 0.0 not in means or 1.0 not in means:
        return merged
    contrary = merged["assay"].isin(means.index[means[1.0].lt(means[0.0])]) & ~derived
    percent = 10 ** (9 - merged["value"])
    kept, lost = contrary & percent.le(LARGEST_PERCENT), contrary & ~percent.le(LARGEST_PERCENT)
    return merged.assign(
        value=merged["value"].mask(kept, percent).mask(lost, np.nan),
        unit=merged["unit"].mask(kept, PERCENT_UNIT).mask(lost, ""),
        relation=merged["relation"].mask(kept, merged["relation"].replace(_TURNED)).mask(lost, ""),
    )


_TURNED = {"<": ">", ">": "<"}
