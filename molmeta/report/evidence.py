"""Reads the input tables of the report and checks their columns.

Cells of CSV files are read as text first, because an assay may be called 'NA'.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from molmeta.errors import TableError, one_line
from molmeta.evaluation import metrics as metric_registry
from molmeta.runtime.parquetfiles import read_parquet
from molmeta.runtime.spreadsheets import as_written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Sources:
    """Input files of a report; only the metrics are required.

    Attributes:
        metrics: metrics tables, Parquet, one for each model and seed.
        audit: leakage audit, CSV.
        assays: `*.assays.csv` of the curation.
        dropped: `*.dropped.csv` of the curation.
        logs: training logs, `{model}/{seed}.log.parquet`.
        examples: one episode of each assay with its molecules, Parquet.
        config: configuration of the run, YAML.
        benchmarks: folder of Snakemake's benchmark tables.
        commands: command lines that produced the results.
    """

    metrics: Sequence[Path]
    audit: Path | None = None
    assays: Sequence[Path] = ()
    dropped: Sequence[Path] = ()
    logs: Sequence[Path] = ()
    examples: Path | None = None
    config: Path | None = None
    benchmarks: Path | None = None
    commands: Sequence[str] = ()

    def files(self) -> list[Path]:
        """Return all files, without those of folders."""
        optional = [path for path in (self.audit, self.examples, self.config) if path]
        return [*self.metrics, *optional, *self.assays, *self.dropped, *self.logs]


@dataclass(frozen=True)
class Evidence:
    """Content of the input files; missing tables are empty, a missing audit is None.

    Attributes:
        metrics: one row for each model, seed, assay, support size and repeat.
        audit: one row for each assay of each split, or None.
        assays: assays of the curation, with their status.
        dropped: rows that the curation dropped, with the reason.
        logs: one row for each training step of each model and seed.
        examples: molecules of the example episodes.
        config: configuration as text, "" if missing.
        benchmarks: seconds and memory of each step of the workflow.
        inputs: path, size in bytes and start of the SHA-256 of each file.
        commands: command lines that produced the results.
    """

    metrics: pd.DataFrame
    audit: pd.DataFrame | None
    assays: pd.DataFrame
    dropped: pd.DataFrame
    logs: pd.DataFrame
    examples: pd.DataFrame
    config: str
    benchmarks: pd.DataFrame
    inputs: tuple[tuple[str, int, str], ...]
    commands: tuple[str, ...]


_METRICS = (
    *("model", "seed", "assay", "target", "cluster", "support", "repeat", "episode", "n_support"),
    *("n_query", "delta_auprc", "adapt_seconds", "predict_seconds", "reason"),
)
_OVERLAPS = ("exact_overlap", "scaffold_overlap", "near_overlap")
_COUNTS = ("n_compounds", "n_active", "share_active")
_AUDIT = (
    *("split", "table", "assay", "target", "cluster", *_COUNTS, *_OVERLAPS),
    *("panel", "clean", "note"),
)
_ROWS = ("n_read", "n_dropped", "n_merged")
_ASSAYS = (
    *("assay", "target", "cluster", "unit", "threshold", *_ROWS, *_COUNTS),
    "status",
)
_DROPPED = ("assay", "row", "smiles", "reason", "detail")
_LOG = ("step", "loss", "grad_norm", "learning_rate", "seconds", "valid")
_EXAMPLES = ("assay", "model", "role", "rank", "smiles", "active", "probability")
_BENCHMARK = ("s", "max_rss", "cpu_time")


def read(sources: Sources) -> Evidence:
    """Return the content of the input files.

    Raises:
        TableError: a file is missing, cannot be read or lacks a column, or the metrics have no row.
    """
    metrics = _joined((parquet(path, _METRICS) for path in sources.metrics), _METRICS)
    if metrics.empty:
        names = ", ".join(str(path) for path in sources.metrics) or "no file"
        raise TableError(
            f"metrics: there is nothing to report; got no rows in {names}, "
            "expected those of at least one model. Run 'molmeta evaluate' first."
        )
    return Evidence(
        metrics=_filled(metrics),
        audit=_audit(sources.audit) if sources.audit else None,
        assays=_joined((_folded(p, _ASSAYS, (*_ROWS, *_COUNTS)) for p in sources.assays), _ASSAYS),
        dropped=_joined((_folded(p, _DROPPED, ()) for p in sources.dropped), _DROPPED),
        logs=_joined((_log(path) for path in sources.logs), ("model", "seed", *_LOG)),
        examples=_joined(
            (parquet(p, _EXAMPLES) for p in [sources.examples] if p is not None), _EXAMPLES
        ),
        config=_text(sources.config) if sources.config else "",
        benchmarks=_benchmarks(sources.benchmarks),
        inputs=tuple(_checksum(path) for path in sources.files()),
        commands=tuple(sources.commands),
    )


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dictionaries with text keys."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def parquet(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return a Parquet table after checking that it has these columns.

    Raises:
        TableError: the file is missing or damaged, or lacks a column.
    """
    try:
        table = read_parquet(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, "a Parquet table") from error
    return _checked(table, path, columns)


def _csv(path: Path, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    try:
        # Tables saved by Excel start with a byte order mark, which utf-8-sig removes.
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, "a CSV table") from error
    table = _checked(table, path, columns).apply(as_written)
    return table.assign(**{name: pd.to_numeric(table[name], "coerce") for name in numbers})


def _audit(path: Path) -> pd.DataFrame:
    table = _csv(path, _AUDIT, (*_COUNTS, *_OVERLAPS))
    table["clean"] = table["clean"].str.lower().isin(["true", "1"])
    return table.assign(cluster=table["cluster"].where(table["cluster"] != "", table["assay"]))


def _folded(path: Path, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    name = path.name.removesuffix(".dropped.csv").removesuffix(".assays.csv")
    # The workflow percent-encodes the names of tables in paths.
    return _csv(path, columns, numbers).assign(split=path.parent.name, table=unquote(name))


def _log(path: Path) -> pd.DataFrame:
    seed = path.name.removesuffix(".log.parquet")
    return parquet(path, _LOG).assign(model=path.parent.name, seed=seed)


def _benchmarks(folder: Path | None) -> pd.DataFrame:
    paths = sorted(folder.rglob("*.tsv")) if folder else []
    tables = [_benchmark(path, str(path.relative_to(folder or path))) for path in paths]
    return _joined(tables, ("step", *_BENCHMARK))


def _benchmark(path: Path, name: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, "a benchmark table of Snakemake") from error
    table = _checked(table, path, _BENCHMARK)
    numbers = {name: pd.to_numeric(table[name], "coerce") for name in _BENCHMARK}
    return table.assign(step=unquote(name.removesuffix(".tsv")), **numbers)


def _filled(metrics: pd.DataFrame) -> pd.DataFrame:
    texts = {name: metrics[name].fillna("") for name in ("target", "episode", "reason")}
    cluster = metrics["cluster"].fillna("")
    # Only the headline metric is required: tables of older versions lack later columns.
    blank = {n: np.nan for n in (*metric_registry.names(), "known") if n not in metrics.columns}
    return metrics.assign(**texts, **blank, cluster=cluster.where(cluster != "", metrics["assay"]))


def _joined(tables: Iterable[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    # Columns without rows have no type of their own and could turn numbers into objects.
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


def _checked(table: pd.DataFrame, path: Path, columns: Sequence[str]) -> pd.DataFrame:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise TableError(
            f"{path}: columns are missing; got {sorted(map(str, table.columns))}, expected also "
            f"{missing}. Create the table again with this version of molmeta."
        )
    return table


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, "text in UTF-8") from error


def _checksum(path: Path) -> tuple[str, int, str]:
    content = path.read_bytes()
    return str(path), len(content), hashlib.sha256(content).hexdigest()[:16]


def _unreadable(path: Path, error: Exception, expected: str) -> TableError:
    return TableError(
        f"{path}: cannot be read; got '{one_line(error)}', "
        f"expected {expected}. Create the file again."
    )
