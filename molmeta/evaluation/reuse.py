"""Rows of an earlier evaluation that still hold, so that only new and changed assays are judged."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from molmeta.assays.assay import Assay, digest
from molmeta.errors import exists
from molmeta.runtime.outputs import written
from molmeta.runtime.parquetfiles import metadata_of, read_parquet, write_parquet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


KEY = "molmeta.evaluation"


def earlier_rows(
    output: Path | None, kind: object, assays: Sequence[Assay]
) -> dict[str, pd.DataFrame]:
    """Return the rows of an earlier result by the names of the assays that they hold for.

    Args:
        output: result with a column `assay`, which may be missing or of another kind.
        kind: everything that rows depend on, except their assay.
        assays: to judge.
    """
    if output is None or not exists(output):
        return {}
    try:
        earlier = cast("dict[str, Any]", json.loads(metadata_of(output, KEY) or "{}"))
        if earlier.get("kind") != _checksum(kind):
            return {}
        frame = read_parquet(output)
    except (ValueError, OSError):
        return {}
    same = {a.name for a in assays if earlier["assays"].get(a.name) == digest([a])}
    return {str(n): rows for n, rows in frame.groupby("assay", sort=False) if n in same}


def merged(
    assays: Sequence[Assay], earlier: Mapping[str, pd.DataFrame], new: pd.DataFrame
) -> pd.DataFrame:
    """Return earlier and new rows in the order of the assays."""
    if not earlier:
        return new
    of_assay = {**earlier, **{str(n): rows for n, rows in new.groupby("assay", sort=False)}}
    tables = [of_assay[assay.name] for assay in assays if assay.name in of_assay]
    return pd.concat(tables, ignore_index=True)


def write_rows(output: Path, frame: pd.DataFrame, kind: object, assays: Sequence[Assay]) -> None:
    """Write rows so that `earlier_rows` finds them.

    Raises:
        OutputError: the file cannot be written.
    """
    digests = {assay.name: digest([assay]) for assay in assays}
    text = json.dumps({"kind": _checksum(kind), "assays": digests})
    with written(output) as temporary:
        write_parquet(temporary, frame, {KEY: text})


def _checksum(kind: object) -> str:
    return hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()
