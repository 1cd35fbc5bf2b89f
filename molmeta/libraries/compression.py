"""Decompresses a stream by its first bytes, whatever the name of its file says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable


SUFFIXES = (".gz", ".bgz", ".bz2", ".xz", ".zst")
BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError, pa.ArrowException)
"""What reading a truncated or damaged file raises."""


def decompressed(stream: io.BufferedReader) -> io.BufferedReader:
    """Return the content of a stream, or the stream itself if it is not compressed.

    Files that were compressed in several pieces and joined, as vendors deliver them, are read to
    their end.
    """
    head = stream.peek(6)
    for magic, opened in _FORMATS.items():
        if head.startswith(magic):
            return opened(stream)
    return stream


def format_of(path: Path) -> str:
    """Return the suffix of a file without that of a compression, in lower case."""
    name = Path(path.name.lower())
    return Path(name.stem).suffix if name.suffix in SUFFIXES else name.suffix


class _Source:
    """A stream that Arrow reads but does not close: it may have been closed or detached before."""

    closed = False

    def __init__(self, stream: io.BufferedReader) -> None:
        self.read = stream.read

    def close(self) -> None:
        """Leave the stream to its owner."""


_FORMATS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": lambda stream: io.BufferedReader(
        pa.CompressedInputStream(pa.PythonFile(_Source(stream), mode="r"), "zstd"), 1 << 16
    ),
}
