"""Reads the support of a screen, and records how it was understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.assays.assay import Assay, assays_of, read_curated
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.curation.curate import Curated, Rules
from molmeta.curation.measurements import REASONS, measured
from molmeta.curation.reading import curated_assays, is_curated
from molmeta.curation.thresholds import FALLBACK_PX, OwnThreshold
from molmeta.curation.units import MOLAR, PERCENT_UNIT
from molmeta.curation.usertables import UserTable, by_target, read_user_table
from molmeta.errors import TableError
from molmeta.molecules.compounds import Compound, compounds
from molmeta.runtime.seeds import generator
from molmeta.screening.hits import Support
from molmeta.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from molmeta.curation.tableoptions import TableOptions

RULES = Rules(min_compounds=2, min_class=1)
"""The smallest support; learners that need more compounds refuse it themselves."""
FROM_LABELS = "labels as given"
LEAST_SHARE = 0.2
"""Smallest share of each class in a support whose threshold is not given."""

SupportLike = Path | str | pd.DataFrame | tuple[Sequence[str], Sequence[int]]
"""A table, or a pair of SMILES and labels."""


@dataclass(frozen=True)
class SupportReading:
    """The measured compounds of an assay, and how their table was understood.

    Attributes:
        support: the compounds and their labels.
        values: measured value of each compound on the scale `scale`, NaN if missing.
        source: name of the table.
        assay: name of the assay.
        columns: name in the table of the columns that were read, by role: smiles, label, value.
        unit: unit of the values in the table, "" if missing.
        scale: "pX" or "%", "" without values.
        threshold: value above which a compound is active on that scale, NaN for given labels.
        threshold_rule: how the threshold was chosen.
        n_rows: rows of the table.
        left_out: number of rows without a usable compound, by reason.
        names: name of a compound in the table by its standardised SMILES, where it has one.
    """

    support: Support
    values: tuple[float, ...]
    source: str
    assay: str = ""
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    unit: str = ""
    scale: str = ""
    threshold: float = float("nan")
    threshold_rule: str = FROM_LABELS
    n_rows: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])
    names: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def n_active(self) -> int:
        return sum(self.support.active)

    @property
    def threshold_text(self) -> str:
        """The threshold in words, in molar units too where it is a pX.

        Example:
            >>> reading = SupportReading(Support([], []), (), "a.csv", scale="pX", threshold=7.0)
            >>> reading.threshold_text
            'pX 7 (100 nM), labels as given'
        """
        if np.isnan(self.threshold):
            return self.threshold_rule
        if self.scale == PERCENT_UNIT:
            return f"{self.threshold:g} %, {self.threshold_rule}"
        return f"pX {self.threshold:.4g} ({_molar(self.threshold)}), {self.threshold_rule}"

    def facts(self) -> dict[str, str]:
        """What was understood, a line for each subject that is not empty."""
        lines = {
            "support": f"{self.source}, assay '{self.assay}'" if self.assay else self.source,
            "compounds": f"{len(self.support.smiles)}, {self.n_active} of them active",
            "activity threshold": self.threshold_text,
            "columns": ", ".join(f"{role} '{name}'" for role, name in self.columns.items()),
            "unit": self.unit,
            "rows left out": "; ".join(f"{n}: {why}" for why, n in self.left_out.items()),
        }
        return {subject: text for subject, text in lines.items() if text}


ACTIVES_ALONE = "none, so probabilities order the library but are not chances of a hit"


@dataclass(frozen=True)
class ScreenInputs:
    """What a screen starts from, as the log and the page of candidates show it.

    Attributes:
        reading: the support, and how its table was understood.
        model: name of the model.
        library: name of the library.
        date: day of the screen, in ISO format.
        n_in_training: number of support compounds in the model's training data.
        warning: of `molmeta.screening.outlook`, or "".
        unsuited: why the model does not suit a library, or "".
    """

    reading: SupportReading
    model: str
    library: str
    date: str
    n_in_training: int = 0
    warning: str = ""
    unsuited: str = ""

    def facts(self) -> dict[str, str]:
        """What was understood, a line for each subject."""
        of = f"{self.n_in_training} of {len(self.reading.support.smiles)}"
        alone = {} if 0 in self.reading.support.active else {"inactives": ACTIVES_ALONE}
        return {
            **self.reading.facts(),
            **alone,
            "model": f"{self.model}, molmeta {__version__}",
            "compounds in the model's training data": of,
            "library": self.library,
            "date": self.date,
        }


def read_support(
    support: SupportLike,
    *,
    options: TableOptions | None = None,
    assay: str = "",
    size: int | None = None,
    seed: int = 0,
    actives_only: bool = False,
) -> SupportReading:
    """Read the compounds of one assay, or draw `size` of them as an evaluation does.

    Repeats are merged, and a compound with both labels is dropped; the reading gives the reasons.

    Args:
        support: table, curated or not, frame with the columns of a table, or SMILES with labels.
        options: names of columns, unit, threshold and direction of a table.
        assay: name of the assay; required if the table contains several.
        size: number of compounds to draw at the assay's share of actives; None takes all.
        seed: of the draw.
        actives_only: whether the learner accepts a support of actives alone.

    Raises:
        TableError: the table cannot be read, lacks the assay, a label is not understood, or a
            class is missing.
        EpisodeError: the assay is too small for a draw of that size.
    """
    if isinstance(support, tuple):
        smiles, active = support
        support = pd.DataFrame({"smiles": list(smiles), "active": list(active)})
    if isinstance(support, str):
        support = Path(support)
    source = support.name if isinstance(support, Path) else "table in memory"
    if isinstance(support, Path) and support.is_file() and is_curated(support):
        frame = read_curated([support])
        chosen = _only_assay(source, assays_of(frame, None), assay)
        return _drawn(SupportReading(_NOTHING, (), source, n_rows=len(frame)), chosen, size, seed)
    table = by_target(read_user_table(support, options))
    where = support if isinstance(support, Path) else source
    actives = _actives_alone(table.rows, assay)
    if actives and not actives_only:
        raise TableError(
            f"{where}: contains actives alone, but this model needs inactives too; got "
            f"{len(actives)} actives, expected at least one inactive. Add measured inactives, or "
            "use --model pretrained."
        )
    # A draw needs both classes, so with a size the curation below refuses a support of actives.
    if actives and size is None:
        values = (float("nan"),) * len(actives)
        alone = Support(actives, [1] * len(actives))
        reading = SupportReading(alone, values, source, assay, table.columns)
        return replace(reading, n_rows=len(table.rows), names=_standard_names(table))
    curated = curated_assays(where, table, rules=RULES, least_share=LEAST_SHARE)
    chosen = _only_assay(source, assays_of(curated.kept, None), assay)
    reading = reading_of(source, table, curated, chosen.name)
    return _drawn(replace(reading, names=_standard_names(table)), chosen, size, seed)


_NOTHING = Support((), ())
SHOWN_ROWS = 8
"""Rows of the table that are named for each reason to leave them out."""


def reading_of(source: str, table: UserTable, curated: Curated, assay: str) -> SupportReading:
    """How an assay's table was understood; the compounds are filled in later."""
    about = curated.assays[curated.assays["assay"].eq(assay)].to_dict("records")[0]
    dropped = curated.dropped[curated.dropped["assay"].eq(assay)]
    rows_of = {code: rows.tolist() for code, rows in dropped.groupby("reason")["row"]}
    # The most frequent reason first.
    by_size = sorted(rows_of.items(), key=lambda item: -len(item[1]))
    reasons = {_with_rows(str(code), rows): len(rows) for code, rows in by_size}
    threshold, from_values = float(about["threshold"]), curated.own_thresholds.get(assay)
    return SupportReading(
        _NOTHING,
        (),
        source,
        columns=table.columns,
        unit=table.unit,
        scale=str(about["unit"]),
        threshold=threshold,
        threshold_rule=_rule(table.threshold, threshold, str(about["unit"]), from_values),
        n_rows=len(table.rows),
        left_out={**table.left_out, **reasons},
    )


def _with_rows(code: str, rows: Sequence[int]) -> str:
    shown = ", ".join(map(str, rows[:SHOWN_ROWS])) + (", ..." if len(rows) > SHOWN_ROWS else "")
    return f"{REASONS.get(code, code)} (row{'s' if len(rows) > 1 else ''} {shown})"


def _standard_names(table: UserTable) -> dict[str, str]:
    parsed = zip(compounds(list(table.names)), table.names.values(), strict=True)
    return {compound.smiles: name for compound, name in parsed if isinstance(compound, Compound)}


def _rule(given: str, threshold: float, scale: str, own_threshold: OwnThreshold | None) -> str:
    if given:
        return f"given as {given}"
    if np.isnan(threshold):
        return FROM_LABELS
    if own_threshold is not None:
        split = "median" if own_threshold.is_median else "most even split"
        default = (
            f"{own_threshold.default:.4g} %"
            if scale == PERCENT_UNIT
            else f"pX {own_threshold.default:.4g}"
        )
        return (
            f"the {split} of this table, because the default, {default}, makes "
            f"{own_threshold.n_active} of {own_threshold.n} active"
        )
    if threshold == FALLBACK_PX:
        return "default, because the median of the assay is not between pX 5 and 7"
    return "median of the assay" + (", at least 50 %" if scale == PERCENT_UNIT else "")


def _molar(px: float) -> str:
    """Concentration of a pX, in the unit that a chemist would choose."""
    unit, exponent = next(
        ((name, MOLAR[name]) for name in ("mm", "um", "nm") if -px >= MOLAR[name]), ("pm", -12)
    )
    return f"{10 ** (-px - exponent):.3g} {unit[0]}M"


def _actives_alone(rows: pd.DataFrame, assay: str) -> list[str]:
    """Distinct compounds of a table that labels nothing but actives, else nothing."""
    judged = measured(rows)
    # Without a name, the column is compared with itself, which keeps every assay.
    judged = judged[judged["reason"].eq("") & judged["assay"].eq(assay or judged["assay"])]
    if judged["assay"].nunique() != 1 or not judged["active"].eq(1).all():
        return []
    parsed = [item for item in compounds(list(judged["smiles"])) if isinstance(item, Compound)]
    return list({item.inchikey: item.smiles for item in parsed}.values())


def _drawn(reading: SupportReading, assay: Assay, size: int | None, seed: int) -> SupportReading:
    rows: NDArray[np.int64] = np.arange(len(assay))
    if size is not None:
        rng = generator(seed, "screen", assay.name)
        rows = draw_episode(assay, Draw(size), rng).support
    support = Support([assay.smiles[row] for row in rows], [int(assay.labels[row]) for row in rows])
    values = tuple(float(assay.values[row]) for row in rows)
    return replace(reading, support=support, values=values, assay=assay.name)


def _only_assay(source: object, assays: list[Assay], name: str) -> Assay:
    matches = [assay for assay in assays if name in ("", assay.name)]
    if len(matches) != 1:
        raise TableError(several_assays(source, [assay.name for assay in assays], name))
    return matches[0]


def several_assays(source: object, names: Sequence[str], name: str) -> str:
    """The message for a table with several assays, or without the one that was named."""
    return (
        f"{source}: contains several assays or none of that name; got '{name}', expected one "
        f"of {list(names[:12])}. Name it with --assay."
    )
