"""From metric tables to one self-contained HTML page, and the same numbers as plain CSV."""

from molmeta.report.page import report
from molmeta.report.sources import Sources

__all__ = ["Sources", "report"]
