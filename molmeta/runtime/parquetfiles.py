"""Parquet files: written with checksums, and read without trusting what is in them."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from molmeta.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

# Bytes of a damaged file reach Arrow's conversions too, which raise almost any of Python's errors.
_ERRORS = (pa.ArrowException, ValueError, TypeError, LookupError, OverflowError)
_INDEX = "__index_level_"


def read_parquet(source: Path | IO[bytes]) -> pd.DataFrame:
    """Read a Parquet file by its own schema.

    The metadata that pandas adds can contradict the columns, so it is ignored; the index that it
    describes is dropped.

    Args:
        source: file or stream that can be rewound.

    Raises:
        ValueError: the file is damaged or not Parquet, or has text that is not UTF-8; the message
            is one line.
        OSError: the file cannot be opened.
    """
    try:
        file = parquet.ParquetFile(source, page_checksum_verification=True)
        names = [name for name in file.schema_arrow.names if not name.startswith(_INDEX)]
        table = file.read(columns=names)
        # Arrow checks the text of a file only when asked.
        table.validate(full=True)
        return table.to_pandas(ignore_metadata=True)
    except _ERRORS as error:
        raise ValueError(one_line(error)) from error


def write_parquet(
    path: Path, frame: pd.DataFrame, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a frame without its index; every page has a checksum.

    Args:
        path: of the file.
        frame: to write.
        metadata: texts that `metadata_of` reads.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if metadata:
        table = table.replace_schema_metadata({**table.schema.metadata, **metadata})
    parquet.write_table(table, path, write_page_checksum=True)


def metadata_of(path: Path, name: str) -> str:
    """Return a text of the metadata of a Parquet file, "" if the name is missing.

    Raises:
        ValueError: the file is damaged or not Parquet; the message is one line.
        OSError: the file cannot be opened.
    """
    try:
        metadata: dict[bytes, bytes] = parquet.read_schema(path).metadata or {}
        return metadata.get(name.encode(), b"").decode()
    except _ERRORS as error:
        raise ValueError(one_line(error)) from error


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet file.

    Raises:
        ValueError: the file is damaged or not Parquet; the message is one line.
        OSError: the file cannot be opened.
    """
    try:
        return list(parquet.read_schema(path).names)
    except _ERRORS as error:
        raise ValueError(one_line(error)) from error
