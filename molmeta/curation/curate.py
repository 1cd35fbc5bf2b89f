"""From rows of tables to usable assays, with a reason for every row that is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from molmeta.assays.assay import COLUMNS as KEPT
from molmeta.curation.measurements import measured
from molmeta.curation.repeats import merge_repeats
from molmeta.curation.thresholds import (
    OwnThreshold,
    TargetClass,
    label,
    own_thresholds,
    thresholds_of,
)
from molmeta.curation.units import PERCENT_UNIT, PX
from molmeta.molecules.compounds import Compound, compounds
from molmeta.runtime.options import Options, Size, mistake

DROPPED = ("assay", "row", "smiles", "reason", "detail")
ASSAYS = (
    "assay", "target", "cluster", "unit", "threshold", "n_read", "n_dropped", "n_merged",
    "n_compounds", "n_active", "share_active", "status",
)  # fmt: skip


class Rules(Options):
    """Which rows and assays to keep, and what counts as active: `curation` in the config.

    Raises:
        ConfigError: an unknown option, or one out of range.
    """

    section = "curation"

    target_class: TargetClass = "enzyme"
    """Range in which the median of an assay may be its threshold of activity: pX 5 to 7 for
    'enzyme', pX 4 to 6 for 'other'."""
    thresholds: Mapping[str, float] = Field(default_factory=dict[str, float])
    """Threshold of single assays by name, on the scale of the assay (pX or %)."""
    min_compounds: Size = 8
    """Smallest number of distinct compounds in an assay."""
    min_class: PositiveInt = 2
    """Smallest number of actives, and of inactives, in an assay."""
    spread: NonNegativeFloat = 1.0
    """Largest difference between repeats of a compound, in pX units."""
    percent_spread: NonNegativeFloat = 20.0
    """Largest difference between repeats of a compound in % inhibition, in percentage points."""
    tautomer: bool = False
    """Convert molecules to their canonical tautomer; curation then takes about 30 times as long."""

    @model_validator(mode="after")
    def _require_room_for_both_classes(self) -> Self:
        if self.min_compounds < 2 * self.min_class:
            raise mistake(
                f"'min_compounds' must be at least twice 'min_class'; got {self.min_compounds} "
                f"and {self.min_class}."
            )
        return self


@dataclass(frozen=True)
class Curated:
    """The rows of a table after curation.

    Every row that was read is in `dropped`, or in `kept`, or merged into a row of `kept`.

    Attributes:
        kept: one row per compound of each usable assay, columns `KEPT`, sorted by assay and
            InChIKey.
        dropped: dropped rows with their reason, columns `DROPPED`, sorted by assay and row.
        assays: one row per assay, columns `ASSAYS`; n_read = n_dropped + n_merged + n_compounds.
        own_thresholds: thresholds that replace the default, by assay.
    """

    kept: pd.DataFrame
    dropped: pd.DataFrame
    assays: pd.DataFrame
    own_thresholds: Mapping[str, OwnThreshold] = field(default_factory=dict[str, OwnThreshold])


def curate(
    rows: pd.DataFrame, *, rules: Rules | None = None, least_share: float = 0.0, cores: int = 1
) -> Curated:
    """Standardise, convert, merge and label the rows of one table.

    Args:
        rows: as `molmeta.curation.tables.read_table` returns them.
        rules: which rows and assays to keep; the defaults if None.
        least_share: smallest share of each class that the rule of FS-Mol may leave; otherwise the
            median of the assay is its threshold. 0 keeps to the rule.
        cores: processes that standardise molecules.

    Source:
        Thresholds and repeats follow Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks
        2021. Unlike there, bounds that do not decide the label are dropped.
    """
    rules = rules or Rules()
    rows = _on_one_scale(_with_compounds(measured(rows), rules, cores))
    good = rows[rows["reason"].eq("")]
    merged = merge_repeats(good, spread=rules.spread, percent_spread=rules.percent_spread)
    usable = merged[merged["reason"].eq("")]
    limits = thresholds_of(usable, target_class=rules.target_class, overrides=rules.thresholds)
    of_assay: dict[str, OwnThreshold] = {}
    if least_share:
        # A threshold that the user gives is kept, however unevenly it splits the assay.
        free = usable[~usable["assay"].isin(rules.thresholds.keys())]
        of_assay = own_thresholds(free, limits, least_share=least_share)
        limits.update(
            pd.Series({name: item.threshold for name, item in of_assay.items()}, dtype=float)
        )
    merged = label(merged, limits)
    rows = _with_reasons_of(merged, rows)
    return replace(
        _result(rows, merged[merged["reason"].eq("")], limits, rules), own_thresholds=of_assay
    )


def _with_compounds(rows: pd.DataFrame, rules: Rules, cores: int) -> pd.DataFrame:
    """Add the standardised SMILES and the InChIKey.

    The SMILES as read moves to `source_smiles`; `key` numbers the pairs of assay and InChIKey.
    """
    # Standardising is the slow step, so each distinct SMILES is done once.
    distinct = rows.loc[rows["reason"].eq(""), "smiles"].drop_duplicates()
    standardised = compounds(list(distinct), tautomer=rules.tautomer, cores=cores)
    by_smiles = pd.DataFrame(
        [
            (item.smiles, item.inchikey, "", "") if isinstance(item, Compound) else ("", "", *item)
            for item in standardised
        ],
        index=pd.Index(distinct),
        columns=["smiles", "inchikey", "reason", "detail"],
        dtype="str",
    )
    by_row = by_smiles.reindex(rows["smiles"]).fillna("").set_axis(rows.index)
    rejected = by_row["reason"].ne("") & rows["reason"].eq("")
    rows = rows.rename(columns={"smiles": "source_smiles"}).assign(
        smiles=by_row["smiles"],
        inchikey=by_row["inchikey"],
        reason=rows["reason"].mask(rejected, by_row["reason"]),
        detail=rows["detail"].mask(rejected, by_row["detail"]),
    )
    return rows.assign(key=rows.groupby(["assay", "inchikey"], sort=False).ngroup())


def _on_one_scale(rows: pd.DataFrame) -> pd.DataFrame:
    """Drop the rarer of pX and % in assays without labels; where both are equal, pX is kept."""
    # Labels decide on their own, so values on two scales do no harm in an assay with labels.
    unlabelled = rows[rows["reason"].eq("") & rows["active"].isna()]
    counts = unlabelled.groupby("assay")["unit"].value_counts().unstack(fill_value=0)
    percent = counts.get(PERCENT_UNIT, 0) > counts.get(PX, 0)
    unit_of_assay = pd.Series(np.where(percent, PERCENT_UNIT, PX), index=counts.index, dtype="str")
    unit = unlabelled["assay"].map(unit_of_assay)
    minority = unlabelled.index[unlabelled["unit"].ne(unit)]
    rows.loc[minority, "reason"] = "minority_unit"
    rows.loc[minority, "detail"] = rows.loc[minority, "unit"] + " in an assay of " + unit[minority]
    return rows


def _with_reasons_of(merged: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Give every row the reason for which its compound was dropped after merging."""
    by_row = merged.reindex(rows["key"]).set_axis(rows.index)
    dropped = rows["reason"].eq("") & by_row["reason"].ne("")
    return rows.assign(
        reason=rows["reason"].mask(dropped, by_row["reason"]),
        detail=rows["detail"].mask(dropped, by_row["detail"]),
    )


def _result(rows: pd.DataFrame, merged: pd.DataFrame, limits: pd.Series, rules: Rules) -> Curated:
    assays = _assays(rows, merged, limits, rules)
    usable = assays.index[assays["status"].eq("ok")]
    kept = merged[merged["assay"].isin(usable)].sort_values(["assay", "inchikey"])
    kept = kept.assign(
        active=kept["active"].astype("int8"),
        value=kept["value"].astype("float32"),
        target=kept["assay"].map(assays["target"]),
        cluster=kept["assay"].map(assays["cluster"]),
    )
    unusable = rows["reason"].eq("") & ~rows["assay"].isin(usable)
    dropped = rows.assign(
        smiles=rows["source_smiles"],
        reason=rows["reason"].mask(unusable, "assay_left_out"),
        detail=rows["detail"].mask(unusable, rows["assay"].map(assays["status"])),
    )
    dropped = dropped[dropped["reason"].ne("")].sort_values(["assay", "row"], kind="stable")
    return Curated(
        kept.reset_index(drop=True)[list(KEPT)],
        dropped.reset_index(drop=True)[list(DROPPED)],
        assays.reset_index()[list(ASSAYS)],
    )


def _assays(
    rows: pd.DataFrame, merged: pd.DataFrame, limits: pd.Series, rules: Rules
) -> pd.DataFrame:
    by_assay, compounds_of = rows.groupby("assay"), merged.groupby("assay")
    n_dropped = rows["reason"].ne("").groupby(rows["assay"]).sum()
    assays = pd.DataFrame({"n_read": by_assay.size(), "n_dropped": n_dropped})
    for column in ("target", "cluster"):
        assays[column] = rows[rows[column].ne("")].groupby("assay")[column].first()
    assays["target"] = assays["target"].astype("str").fillna("")
    names = assays.index.to_series().astype("str")
    assays["cluster"] = assays["cluster"].astype("str").fillna(names)
    assays["unit"] = merged[merged["unit"].ne("")].groupby("assay")["unit"].first()
    assays["unit"] = assays["unit"].astype("str").fillna("")
    assays["threshold"] = limits
    assays["n_compounds"] = compounds_of.size().reindex(assays.index, fill_value=0)
    n_active = compounds_of["active"].sum()
    assays["n_active"] = n_active.reindex(assays.index, fill_value=0).astype("int64")
    assays["n_merged"] = assays["n_read"] - assays["n_dropped"] - assays["n_compounds"]
    assays["share_active"] = assays["n_active"] / assays["n_compounds"].where(lambda n: n > 0)
    return assays.assign(status=_status(assays, rules))


def _status(assays: pd.DataFrame, rules: Rules) -> pd.Series:
    n, active = assays["n_compounds"], assays["n_active"]
    rarer = np.minimum(active, n - active)
    too_small = n.astype("str") + f" compounds, expected at least {rules.min_compounds}"
    one_sided = active.astype("str") + " active of " + n.astype("str")
    one_sided += f", expected at least {rules.min_class} of each class"
    status = np.select(
        [n < rules.min_compounds, rarer < rules.min_class],
        ["too small: " + too_small, "one-sided: " + one_sided],
        default="ok",
    )
    return pd.Series(status, index=assays.index, dtype="str")
