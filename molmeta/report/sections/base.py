"""What a section of the report is, and what it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.report.wording import scope_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from molmeta.report.evidence import Evidence
    from molmeta.report.findings import Findings
    from molmeta.report.palette import Style


@dataclass(frozen=True)
class Inputs:
    """What sections are made from; templates have the attributes as variables.

    Attributes:
        evidence: tables that were read.
        findings: results that all sections share.
        styles: color, dash and shape of each model.
    """

    evidence: Evidence
    findings: Findings
    styles: Mapping[str, Style]

    def variables(self) -> dict[str, Any]:
        """Variables of every template."""
        labels = scope_labels(self.findings.recorded)
        return {**vars(self), "scope_labels": labels}


@dataclass(frozen=True)
class Section:
    """A section of the report; `SECTION` in a file of this folder.

    Attributes:
        title: its name in the navigation.
        order: sections are sorted by it.
        build: returns the variables of its template, or None to leave the section out.
    """

    title: str
    order: int
    build: Callable[[Inputs], Mapping[str, Any] | None]
