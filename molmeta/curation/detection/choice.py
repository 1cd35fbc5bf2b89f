"""Chooses which columns of a table to read, or asks if two readings are similarly likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from molmeta.curation.detection import cells as texts
from molmeta.curation.detection.columns import filled, stripped
from molmeta.curation.detection.conditions import (
    LABEL_NOISE,
    PERCENT_NOISE,
    PX_NOISE,
    dose_column,
    separating_column,
)
from molmeta.curation.detection.labelchoice import LabelChooser, is_active, label_words
from molmeta.curation.detection.names import compound_names, is_identifier
from molmeta.curation.detection.partners import is_general, partner
from molmeta.curation.detection.questions import SHOWN, missing, question
from molmeta.curation.detection.structures import as_smiles, is_part, is_structure_name
from molmeta.curation.detection.values import ValueReader
from molmeta.curation.sdfiles import STRUCTURE
from molmeta.curation.units import PERCENT_UNIT, scales, split_qualifiers, to_scale
from molmeta.errors import TableError, suggestion
from molmeta.molecules.compounds import Compound, compounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.curation.detection.judged import JudgedTable
    from molmeta.curation.detection.measures import Values

_PREFERRED = ("isomeric", "canonical", "smiles", "structure", "mol", "inchi", "")
_COMPARED = 30
"""Rows in which two columns of structures are compared."""


@dataclass(frozen=True)
class Choice:
    """The columns to read; "" for none.

    Attributes:
        smiles: column of structures.
        label: column of labels.
        values: the values and their units, None if only labels are read.
        relation: column of qualifiers.
        assay: column that names the assay.
        target: column that names the target.
        kind: column that says what a value is, such as IC50.
        documented: whether the columns have the names in `data/README.md`.
        name: column that names the compounds.
    """

    smiles: str
    label: str = ""
    values: Values | None = None
    relation: str = ""
    assay: str = ""
    target: str = ""
    kind: str = ""
    documented: bool = False
    name: str = ""


def choose(table: JudgedTable) -> Choice:
    """Choose the columns to read, given what each column seems to contain.

    Raises:
        TableError: a column is missing, or two readings are similarly likely; the message names
            the option that decides.
    """
    return _Chooser(table).choose()


class _Chooser:
    def __init__(self, table: JudgedTable) -> None:
        self.table = table
        self.frame, self.columns = table.frame, table.columns
        self.options, self.where, self.strict = table.options, table.where, table.strict
        self.reader = ValueReader(table)
        self.compounds = table.frame

    def choose(self) -> Choice:
        smiles = self.structure()
        self.compounds = self.frame[stripped(self.frame[smiles]).ne("")]
        label = self.label()
        values = self.reader.read(needed=not label)
        if not label and values is None:
            raise self.no_result()
        relation = kind = ""
        if values is not None:
            relation = partner(self.columns, values.column, "relation")
            if not (relation or label):
                self.require_no_other_relation(values.column.name)
            kind = partner(self.columns, values.column, "type")
        documented = self.documented() or is_active(label)
        choice = Choice(
            smiles, label, values, relation, self.named("assay", exactly=documented),
            self.named("target", exactly=documented), kind, documented,
            compound_names([column.name for column in self.columns if column.role == "other"]),
        )  # fmt: skip
        if self.strict or not documented:
            self.require_one_assay(choice)
        return choice

    def require_one_assay(self, choice: Choice) -> None:
        """Refuse repeats of compounds that are not replicates, but of other cells or isoforms."""
        keys = [name for name in (choice.smiles, choice.assay, choice.target, choice.kind) if name]
        rows = zip(*(stripped(self.compounds[name]) for name in keys), strict=True)
        compounds = pd.Series(["\n".join(row) for row in rows], self.compounds.index)
        others = [c.name for c in self.columns if c.role == "other" and c.name not in keys]
        results, noise = self.results(choice)
        name = separating_column(compounds, self.compounds, others, results, noise)
        problem = "compounds are repeated with other results for different"
        if not name and noise == PERCENT_NOISE:
            name = dose_column(self.compounds, others)
            problem = "compounds were tested at different"
        if name:
            listed = ", ".join(f"'{cell}'" for cell in stripped(self.compounds[name]).unique()[:4])
            raise question(
                self.where, f"{problem} '{name}'", listed, "one assay",
                "Keep the rows of one, or rename the column 'Assay' and choose with --assay.",
            )  # fmt: skip

    def results(self, choice: Choice) -> tuple[pd.Series, float]:
        """The result of each row, and how much replicates of it may differ."""
        if choice.label or choice.values is None:
            words = label_words(self.compounds, choice.label)
            known = words[words.isin(texts.ACTIVE | texts.INACTIVE)]
            return known.isin(texts.ACTIVE).astype("float64").reindex(words.index), LABEL_NOISE
        rows = self.compounds.index
        _, numbers = split_qualifiers(choice.values.texts.loc[rows])
        units = choice.values.units.loc[rows]
        is_percent = scales(units).eq(PERCENT_UNIT).any()
        results = to_scale(numbers, units).replace([float("inf"), float("-inf")], float("nan"))
        return results, PERCENT_NOISE if is_percent else PX_NOISE

    def require_no_other_relation(self, value: str) -> None:
        """Refuse qualifiers that may belong to these values or to other values."""
        others = [c for c in self.columns if c.role == "value" and c.name != value]
        claimed = {partner(self.columns, other, "relation") for other in others}
        for column in self.columns:
            if column.role == "relation" and (is_general(column) or column.name not in claimed):
                raise question(
                    self.where, f"the qualifiers in '{column.name}' may be those of '{value}', or "
                    "of other results", f"'{column.name}'", "qualifiers of one result",
                    f"Rename it, such as '{value} qualifier', or move it next to its values.",
                )  # fmt: skip

    def documented(self) -> bool:
        """Whether the table has values under the names in `data/README.md`, and no labels."""
        names = {column.name.casefold() for column in self.columns}
        return {"smiles", "value", "unit"} <= names and "active" not in names

    def structure(self) -> str:
        """The column of structures."""
        names = [column.name for column in self.columns]
        if name := self.options.smiles_column:
            return self.existing(name)
        structures = [column.name for column in self.columns if column.role == "structure"]
        # Columns of R groups have cells that look like structures, but other names.
        structures = [
            name for name in structures if is_structure_name(name) or name == STRUCTURE
        ] or structures
        exact = [name for name in structures if name.casefold() == "smiles"]
        if not structures:
            raise self.no_structure(names)
        whole = [name for name in structures if not is_part(name)] or structures
        whole.sort(key=lambda name: [part in name.casefold() for part in _PREFERRED].index(True))
        if exact:
            # The structure of an SDF record counts as much as a property of that name.
            whole = [exact[0], *(name for name in whole if name == STRUCTURE)]
        for other in whole[1:]:
            if not self.same_molecules(whole[0], other):
                raise question(
                    self.where, "has two columns of different structures",
                    f"'{whole[0]}' and '{other}'", "one", "Name it with --smiles-column.",
                )  # fmt: skip
        return whole[0]

    def same_molecules(self, first: str, second: str) -> bool:
        """Whether two columns hold the same molecules, ignoring stereochemistry and salts."""
        rows_of = [filled(self.frame[name]).index for name in (first, second)]
        both = self.frame.loc[rows_of[0].intersection(rows_of[1])]
        rows = both.iloc[:: max(1, len(both) // _COMPARED)]
        keys = [
            [item.inchikey[:14] if isinstance(item, Compound) else "" for item in parsed]
            for parsed in (compounds([as_smiles(str(c)) for c in rows[n]]) for n in (first, second))
        ]
        pairs = [(a, b) for a, b in zip(*keys, strict=True) if a and b]
        return sum(a != b for a, b in pairs) <= len(pairs) // 10

    def existing(self, name: str) -> str:
        """The name of a column that the user gives."""
        names = [column.name for column in self.columns]
        if name not in names:
            raise missing(self.where, name, names)
        return name

    def no_structure(self, names: Sequence[str]) -> TableError:
        keys = [name for name in names if "inchi" in name.casefold() and "key" in name.casefold()]
        rule = "SMILES, InChI or mol blocks"
        rule += "; an InChIKey does not say what the structure is" if keys else ""
        return question(
            self.where, "has no column of structures", list(names[:SHOWN]), rule,
            "Add them, or name yours with --smiles-column." + suggestion("smiles", names),
        )  # fmt: skip

    def label(self) -> str:
        """The column of labels, "" to read values."""
        if name := self.options.label_column:
            return self.existing(name)
        if self.options.value_column or self.options.threshold is not None or self.documented():
            return ""
        return LabelChooser(self.table, self.reader, self.compounds).choose()

    def no_result(self) -> TableError:
        names = [column.name for column in self.columns]
        step = "Name yours with --label-column or --value-column."
        others = [c.name for c in self.columns if c.role == "other" and c.evidence != "blank"]
        if all(map(is_identifier, others)):
            step = "If all compounds are actives, add a column 'active' with 1 in every row."
        return question(
            self.where, "has no column that is surely a result", list(names[:SHOWN]),
            "labels such as 'active', or values such as 'IC50 (nM)'",
            step + suggestion("active", names),
        )  # fmt: skip

    def named(self, role: str, *, exactly: bool) -> str:
        """The column named after the role, else the first with 'id' in its name, else the first."""
        names = [column.name for column in self.columns if column.role == role]
        names = [name for name in names if name.casefold() == role or not exactly]
        return min(
            names, key=lambda name: (name.casefold() != role, "id" not in name.casefold()),
            default="",
        )  # fmt: skip
