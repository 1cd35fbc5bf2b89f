"""Writes small example files, which the examples of the commands use."""

from __future__ import annotations

import shutil
from pathlib import Path

from rdkit import RDConfig

from molmeta.errors import OutputError

EXAMPLES = Path(__file__).with_name("examples")
FILES = {
    "measured.csv": EXAMPLES / "measured.csv",
    "assays.csv": EXAMPLES / "assays.csv",
    # The first 4,999 compounds of NCI's open set, which RDKit ships.
    "library.smi": Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi",
    # Common amines and acids, in RDKit's format of synthon spaces.
    "space.txt": EXAMPLES / "space.txt",
}


def demo(folder: str | Path = "molmeta-demo") -> list[Path]:
    """Write a table of measured compounds, a table of six assays, a library, and a synthon space.

    Args:
        folder: new or existing folder; files in it are never overwritten.

    Returns:
        Four paths. `measured.csv` has Ki values of 60 thrombin inhibitors, and `assays.csv` those
        of 60 compounds at each of six other targets (both from ChEMBL). `library.smi` has 4,999
        compounds to rank, and `space.txt` the amines and acids of 576 amides.

    Raises:
        OutputError: the folder cannot be written, or has one of the files already.

    Example:
        >>> import molmeta, tempfile
        >>> [path.name for path in molmeta.demo(tempfile.mkdtemp())]
        ['measured.csv', 'assays.csv', 'library.smi', 'space.txt']
    """
    written: list[Path] = []
    for name, source in FILES.items():
        target = Path(folder) / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as original, target.open("xb") as copy:
                shutil.copyfileobj(original, copy)
        except OSError as error:
            raise OutputError(
                f"{target}: cannot be written; got '{error.strerror}', expected a new file in a "
                "folder that can be written. Name another folder."
            ) from error
        written.append(target)
    return written
