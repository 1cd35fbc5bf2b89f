"""Tables of every metric, and paired comparisons with every baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molmeta.evaluation import metrics
from molmeta.report.score_tables import comparisons, summaries
from molmeta.report.sections.base import Section

if TYPE_CHECKING:
    from molmeta.report.sections.base import Inputs


def build(inputs: Inputs) -> dict[str, Any]:
    """Return the tables of means and of paired differences."""
    tables = summaries(inputs.findings)
    names = dict.fromkeys(table.choice for table in tables)
    return {
        "metrics": {name: metrics.get(name) for name in names},
        "summaries": tables,
        "comparisons": comparisons(inputs.findings),
    }


SECTION = Section("Models", 20, build)
