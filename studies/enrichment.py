"""Tables of studies/notes/enrichment.md, between its marks, from the output of `molmeta enrich`.

Run: python studies/enrichment.py FOLDER

The folder holds NAME.csv, of the pretrained model and all baselines, and NAME.blind.csv, of the
pretrained model with `--without-memory`, for each of `chembl`, `dud`, `muv` and `three`; and
chembl.new.csv, of all of them with `--new-compounds`. What is not there is left as the page has it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from marks import head, line, rewritten

from molmeta.evaluation.enrichment import compared
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = Path(__file__).parents[1] / "studies" / "notes" / "enrichment.md"
MODEL, BLIND = "pretrained", "pretrained without memory"
METRICS = {"ef1": ("EF 1 %", 1), "bedroc20": ("BEDROC(20)", 3), "auroc": ("AUROC", 3)}
EQUAL = "tanimoto_gp:fingerprints="
NEW = tuple(f"ChEMBL_{number}" for number in (10188, 11085, 11265, 11336, 116, 12261, 126, 93))
"""Targets of which FS-Mol's training fold has no assay, by its own numbers, which are the same."""


def sections(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the text of every mark whose tables are there."""
    for name in ("chembl", "dud", "muv", "three"):
        if (folder / f"{name}.blind.csv").is_file():
            rows = read(folder, name)
            for source, part in rows.groupby("source"):
                yield (str(source), table(part))
            if name == "chembl":
                yield from parts_of_chembl(rows)
    if (folder / "chembl.new.csv").is_file():
        yield ("ChEMBL, new compounds", table(pd.read_csv(folder / "chembl.new.csv")))


def parts_of_chembl(rows: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield what is said of parts of the ChEMBL targets, and of gains on all of them."""
    yield ("ChEMBL, the half", table(second_half(rows)))
    yield ("ChEMBL, new targets", table(rows[rows["target"].isin(NEW)]))
    yield ("gains", gains(rows))


def read(folder: Path, name: str) -> pd.DataFrame:
    """Return the rows of a run and of its blind model, under a name of its own."""
    blind = pd.read_csv(folder / f"{name}.blind.csv")
    return pd.concat([pd.read_csv(folder / f"{name}.csv"), blind.assign(model=BLIND)])


def second_half(rows: pd.DataFrame) -> pd.DataFrame:
    """Return every second target by name: the others were used to choose."""
    return rows[rows["target"].isin(sorted(rows["target"].unique())[1::2])]


def table(rows: pd.DataFrame) -> str:
    """Return a row a support: model, the same without memory if run, two kinds of baselines."""
    with_equal, plain = (_differences(rows, equal=equal) for equal in (True, False))
    lines = head(["actives + inactives", *(name for name, _ in METRICS.values())])
    for n, per_active in with_equal.index.droplevel(["metric", "asked"]).unique():
        cells = [
            _cell(with_equal, plain, (n, per_active, metric), digits)
            for metric, (_, digits) in METRICS.items()
        ]
        lines.append(line([f"{n} + {n * per_active}", *cells]))
    return "\n".join(lines)


def gains(rows: pd.DataFrame) -> str:
    """Return by how much the model is above each kind of baseline, in per cent of it."""
    lines = head(["actives + inactives", *(f"{name}, %" for name, _ in METRICS.values())])
    tables = [_differences(rows, equal=equal).xs(MODEL, level="asked") for equal in (False, True)]
    for n, per_active in tables[0].index.droplevel("metric").unique():
        cells = [
            " / ".join(_gain(found.loc[n, per_active, metric]) for found in tables)
            for metric in METRICS
        ]
        lines.append(line([f"{n} + {n * per_active}", *cells]))
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    for name, text in sections(folder):
        page = rewritten(page, name, text)
    with written(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _differences(rows: pd.DataFrame, *, equal: bool) -> pd.DataFrame:
    """Return both models against the best baseline that reads what they read, or Morgan bits."""
    own = rows["model"].isin([MODEL, BLIND])
    names = [name for name in (MODEL, BLIND) if name in set(rows["model"])]
    baselines = rows[~own & (rows["model"].str.startswith(EQUAL) == equal)]
    found = [
        compared(pd.concat([rows[rows["model"] == name], baselines]), name).assign(asked=name)
        for name in names
    ]
    return pd.concat(found).set_index(["actives", "per_active", "metric", "asked"]).sort_index()


def _cell(
    with_equal: pd.DataFrame, plain: pd.DataFrame, place: tuple[int, int, str], digits: int
) -> str:
    cells: list[str] = []
    for name in with_equal.loc[place].index:
        beside = [found.loc[(*place, name)] for found in (plain, with_equal)]
        above = [bool(one["low"] > 0 and one["n_targets"] > 1) for one in beside]
        stars = ("*" if above[0] else "") + ("*" if all(above) else "")
        cells.append(f"{beside[0]['model']:.{digits}f}{stars}")
    theirs = (f"{found.loc[(*place, MODEL)]['theirs']:.{digits}f}" for found in (plain, with_equal))
    return " / ".join([*cells, *theirs])


def _gain(row: pd.Series) -> str:
    gain, low, high = (100 * row[name] / row["theirs"] for name in ("difference", "low", "high"))
    return f"{gain:+.1f} [{low:.1f}, {high:.1f}]"


def _arguments(given: Sequence[str]) -> Path:
    if len(given) != 1:
        sys.exit(__doc__)
    return Path(given[0])


if __name__ == "__main__":
    main(_arguments(sys.argv[1:]))
