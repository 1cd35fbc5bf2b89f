"""The part of a page that says how a model was chosen, and what to expect of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from molmeta.automl.choose import SEARCH, ModelChoice
from molmeta.automl.selector import by_chance
from molmeta.report.templating import asset, environment
from molmeta.report.wording import number, percent, signed
from molmeta.runtime.outputs import write_text
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import jinja2

    from molmeta.screening.inspection import Inspection
    from molmeta.screening.supports import SupportReading

MEASURES = {
    "auroc": ("AUROC", "share of pairs of an active and an inactive in the right order", 2),
    "hits": ("actives in the top 10 of 100", "if 100 further analogues were made and ranked", 1),
    "delta_auprc": ("ΔAUPRC", "average precision above that of a random order", 2),
    "r2": ("R²", "share of the variance of the values that is explained", 2),
}
"""Name, meaning and decimals of each predicted score, in the order of the page."""
PLATE = "next_plate.csv"
"""Name of the file that lists what to measure next."""
BY_CHANCE = {"auroc": 0.5}
"""Score of a random order, where it is neither 0 nor depends on the assay."""


@dataclass(frozen=True)
class Chosen:
    """A choice, and what it was made from.

    Attributes:
        choice: the model and the candidates.
        reading: the support, and how its table was understood.
        inspection: how the columns of the table were read, None without a table.
        support, library: their paths or variables, as Python writes them; "" if missing.
        folder: where the results are.
        arguments: of `molmeta.auto` that differ from its defaults.
    """

    choice: ModelChoice
    reading: SupportReading
    inspection: Inspection | None
    support: str
    library: str
    folder: Path
    arguments: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def code(self) -> str:
        """Python code that gives the same model and ranking."""
        model = str(self.folder / "model.safetensors")
        lines = ["import molmeta", ""]
        named = {**self.arguments, "output": str(self.folder)}
        words = [
            self.support,
            self.library,
            *(f"{name}={value!r}" for name, value in named.items()),
        ]
        lines += [f"result = molmeta.auto({', '.join(filter(None, words))})"]
        lines += [f"result.choice.name  # {self.choice.name!r}", "", "# Later:"]
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
        (*text, of_chosen[measure], of_search.get(measure), _by_chance(measure, choice))
        for measure, text in MEASURES.items()
        if measure in of_chosen
    ]
    return {
        "advice": choice.advice,
        "candidates": choice.candidates.to_dict("records"),
        "chosen": chosen,
        "columns": None if chosen.inspection is None else chosen.inspection.columns,
        "choice": choice,
        "expected": expected,
        "known": choice.features["known"],
        "plate": None if choice.advice.trusted or not chosen.library else PLATE,
        "reference": choice.name == choice.reference,
        "share": choice.features["share"],
        "values": "r2" in of_chosen,
        "version": __version__,
    }


def _by_chance(measure: str, choice: ModelChoice) -> float:
    return BY_CHANCE.get(measure, by_chance(measure, choice.features))


def _environment() -> jinja2.Environment:
    pages = environment()
    pages.filters |= {"number": number, "percent": percent, "signed": signed}
    return pages
