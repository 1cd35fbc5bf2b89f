"""A library that was featurized once: one safetensors file, read block by block.

A block holds the features of one chunk of records, their names, and what could not be featurized.
It is read by memory map and checked as it is read. The file holds no code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from molmeta.errors import ConfigError, ModelError, one_line
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import Prepared
from molmeta.molecules.blocks import EMBEDDING
from molmeta.molecules.checks import consistent
from molmeta.molecules.store import unpacked
from molmeta.runtime.tensorfiles import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from molmeta.molecules.featurizers import Arrays

FORMAT = 1
KIND = "featurized library"
TEXT = "text"
VECTORS = f"{EMBEDDING}.values"

# safetensors is typed in part only, which strict checking refuses; Any says so once.
_safe_open: Any = safe_open


@dataclass(frozen=True)
class LibraryFile:
    """A featurized library.

    Attributes:
        path: its file.
        names: featurizers that were run.
        blocks: how many there are.
        broken: "" or why the library had broken off when it was read.
        vectors: whether the vectors of the model that reads it are there, and wanted.
    """

    path: Path
    names: tuple[str, ...]
    blocks: int
    broken: str
    vectors: bool = False

    def block(self, number: int) -> Prepared:
        """Return one block.

        Raises:
            ModelError: the file is damaged.
        """
        return next(self.read([number]))

    def read(self, numbers: Iterable[int]) -> Iterator[Prepared]:
        """Yield blocks by their numbers; those of one call share a map.

        Raises:
            ModelError: the file is damaged.
        """
        try:
            with _safe_open(self.path, framework="np") as file:
                for number in numbers:
                    yield self._block(file, number)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise _damaged(self.path, one_line(error)) from error

    def _block(self, file: Any, number: int) -> Prepared:  # noqa: ANN401 - see _safe_open
        begin = f"{number:08d}."
        text: Any = json.loads(file.get_tensor(f"{begin}{TEXT}").tobytes())
        records = list(map(Record, text["line"], text["id"], text["smiles"]))
        rejected = [Record(*row) for row in text["rejected"]]
        parts = [name for name in text["parts"] if self.vectors or name != VECTORS]
        arrays: Arrays = {name: file.get_tensor(f"{begin}{name}") for name in parts}
        if records and not consistent(unpacked([arrays]), len(records)):
            raise ValueError(f"block {number} that does not fit {len(records)} compounds")
        return Prepared(records, arrays, rejected)


def is_library_file(path: Path) -> bool:
    """Tell by its first bytes whether a file may be a featurized library."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False
    return len(head) == 9 and head[8:] == b"{" and head[4:8] == b"\0" * 4


def open_library(path: Path, names: Sequence[str] = (), model: str = "") -> LibraryFile:
    """Open a featurized library that holds certain features.

    Args:
        path: of the file.
        names: featurizers that must have been run.
        model: digest of the model that will read it; only its own vectors are read.

    Raises:
        ModelError: the file is damaged or of another kind.
        ConfigError: a featurizer was not run.
    """
    try:
        with _safe_open(path, framework="np") as file:
            metadata: dict[str, str] = file.metadata() or {}
            header: Any = json.loads(metadata[KEY])
            _require_kind(header["kind"], header["format"])
            found = tuple(str(name) for name in header["featurizers"])
            kept = bool(model) and header.get("model") == model
            opened = LibraryFile(path, found, int(header["blocks"]), str(header["broken"]), kept)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, one_line(error)) from error
    if missing := sorted(set(names) - set(found)):
        raise ConfigError(
            f"{path}: lacks features that the model reads; got {list(found)}, expected "
            f"'{missing[0]}' too. Run 'molmeta featurize' with --featurizer {missing[0]}."
        )
    return opened


def _require_kind(kind: object, version: object) -> None:
    if (kind, version) != (KIND, FORMAT):
        raise ValueError(f"a {kind} of format {version}")


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path}: cannot be read as a featurized library; got {what[:200]}, expected a file of "
        "'molmeta featurize LIBRARY'. Make it again."
    )
