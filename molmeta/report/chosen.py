"""The part of a page that says how a model was chosen, and what to expect of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from molmeta.automl.choose import SEARCH, ModelChoice
from molmeta.report.templating import asset, environment
from molmeta.report.wording import number, signed
from molmeta.runtime.outputs import write_text
from molmeta.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    import jinja2

    from molmeta.screening.inspection import Inspection
    from molmeta.screening.supports import SupportReading

MEASURES = {
    "auroc": ("AUROC", "chance that an active ranks above an inactive; 0.5 is chance"),
    "delta_auprc": ("ΔAUPRC", "average precision above that of a random order; 0 is chance"),
    "hits": ("hits in the top 10 of 100", "if 100 further compounds of the series were ranked"),
    "r2": ("R²", "share of the variance that is predicted; 0 is no better than the mean"),
}
"""Name and meaning of each predicted score."""


@dataclass(frozen=True)
class Chosen:
    """A choice, and what it was made from.

    Attributes:
        choice: the model and the candidates.
        reading: the support, and how its table was understood.
        inspection: how the columns of the table were read, None without a table.
        support, library: names of the files; "" if missing.
        folder: where the results are.
    """

    choice: ModelChoice
    reading: SupportReading
    inspection: Inspection | None
    support: str
    library: str
    folder: Path

    @property
    def code(self) -> str:
        """Python code that gives the same model and ranking."""
        model = str(self.folder / "model.safetensors")
        lines = ["import molmeta", ""]
        table = repr(self.support) if self.inspection else "support"
        where = f"{table}, {self.library!r}, " if self.library else f"{table}, "
        lines += [f"result = molmeta.auto({where}output={str(self.folder)!r})", "", "# Later:"]
        lines += [f"model = molmeta.load({model!r})", "predictor = model.adapt(smiles, active)"]
        lines.append('predictor.predict(further_smiles, among="assay")')
        return "\n".join(lines)

    @property
    def config(self) -> str:
        """Options and config that fix the reading, "" if nothing needs to be fixed."""
        inspection = self.inspection
        if inspection is None:
            return ""
        return "\n".join(filter(None, (inspection.options, inspection.config)))


def chosen_section(chosen: Chosen) -> Markup:
    """Return the part of the page, in which names of the user are escaped."""
    return Markup(_environment().get_template("chosen.html.j2").render(_variables(chosen)))


def chosen_page(chosen: Chosen, output: Path) -> None:
    """Write a page without a ranked library.

    Raises:
        OutputError: the page cannot be written.
    """
    page = (
        _environment()
        .get_template("chosen_page.html.j2")
        .render(
            facts=chosen.reading.facts(),
            section=chosen_section(chosen),
            source=chosen.reading.source,
            style=Markup(asset("hits.css")),
        )
    )
    write_text(output, page)


def _variables(chosen: Chosen) -> dict[str, Any]:
    choice = chosen.choice
    of_chosen = choice.expected.get(choice.name, {})
    of_search = choice.expected.get(SEARCH, {})
    expected = [
        (*MEASURES[measure], value, of_search.get(measure)) for measure, value in of_chosen.items()
    ]
    return {
        "advice": choice.advice,
        "candidates": choice.candidates.to_dict("records"),
        "chosen": chosen,
        "columns": None if chosen.inspection is None else chosen.inspection.columns,
        "expected": expected,
        "known": choice.features["known"],
        "margin": choice.margin,
        "name": choice.name,
        "version": __version__,
    }


def _environment() -> jinja2.Environment:
    pages = environment()
    pages.filters |= {"number": number, "signed": signed}
    return pages
