"""Folders that tests read, whatever their own depth."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
SHARED = ROOT.parent / "shared" / "data"
