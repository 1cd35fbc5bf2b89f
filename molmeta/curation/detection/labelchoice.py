"""Chooses the column of labels, or asks if several columns may be meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from molmeta.curation.detection import cells as texts
from molmeta.curation.detection.columns import LABEL_NAME, filled
from molmeta.curation.detection.names import is_identifier, is_other
from molmeta.curation.detection.questions import question

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from molmeta.curation.detection.judged import JudgedTable
    from molmeta.curation.detection.values import ValueReader
    from molmeta.errors import TableError

_OPPOSITE = re.compile(
    r"inactiv|(?<![a-z])(?:non?|not|negative|fail(?:ed)?|decoys?|stock|purchased|available|train|"
    r"test|valid(?:ation)?|pains|chiral|soluble|toxic)(?![a-z])|non[a-z]",
    re.IGNORECASE,
)
"""Names of yes and no whose yes does not mean active."""
_SIGNS = frozenset({"1", "0", "1.0", "0.0", "-1", "true", "false", "t", "f", "yes", "no", "y", "n",
                    "+", "-"})  # fmt: skip
"""Words for yes and no, which need not be about activity."""
_LABEL_WORDS = re.compile(
    r"label|class(?:ification)?|outcome|hits?|call|bioactivity|activity|active|result|response|"
    r"phenotype|pubchem|standard|is|bio|assay|y|status|flag|comment",
    re.IGNORECASE,
)


class LabelChooser:
    """Chooses the column of labels of one table.

    Args:
        table: the table.
        reader: of its values, which are read where no label is chosen.
        compounds: the rows with structures; other rows are footnotes.
    """

    def __init__(self, table: JudgedTable, reader: ValueReader, compounds: pd.DataFrame) -> None:
        self.columns, self.where = table.columns, table.where
        self.reader, self.compounds = reader, compounds

    def choose(self) -> str:
        """The column of labels, "" to read values.

        Raises:
            TableError: columns may be labels of the assay or of something else.
        """
        labels = self.readable([c.name for c in self.columns if c.role == "label"])
        labels = [name for name in labels if self.may_decide(name)]
        for fits in (is_active, _is_outcome, _is_plain):
            chosen = self.readable([name for name in labels if fits(name)])
            if chosen:
                return self.only_label(chosen)
        return self.doubtful_label(labels) if labels else ""

    def may_decide(self, name: str) -> bool:
        """Whether a column of labels tells compounds apart, or is named after activity."""
        return LABEL_NAME.fullmatch(name.strip()) is not None or self.words(name).nunique() > 1

    def readable(self, names: Sequence[str]) -> list[str]:
        """Columns whose cells are labels; all of them if no cells are, and no values either."""
        words = texts.ACTIVE | texts.INACTIVE | texts.MINUS_ONE | texts.UNDECIDED | texts.BLANK
        good = [name for name in names if self.words(name).isin(words).mean() > 0.5]
        if self.reader.has_measurements():
            # Classes in words are chemical classes; numbers may be classes of activity.
            names = [
                name
                for name in names
                if is_active(name) or self.words(name).isin(list("0123456")).all()
            ]
        return good or list(names)

    def words(self, name: str) -> pd.Series:
        return label_words(self.compounds, name)

    def only_label(self, names: Sequence[str]) -> str:
        """The first of several columns of labels, if all agree."""
        for other in names[1:]:
            first, second = self.words(names[0]), self.words(other)
            same = first.isin(texts.ACTIVE).eq(second.isin(texts.ACTIVE).reindex(first.index))
            if not same.all():
                raise self.unclear_label(names)
        return names[0]

    def doubtful_label(self, names: Sequence[str]) -> str:
        """A column of labels whose name does not say that they are of activity."""
        telling = [
            name for name in names
            if LABEL_NAME.fullmatch(name.strip())
            or not all(word in _SIGNS or word.isdigit() for word in self.words(name))
        ]  # fmt: skip
        if self.reader.has_measurements():
            if telling:
                raise self.unclear_label(telling, values=True)
            return ""
        rest = [c.name for c in self.columns if c.role != "structure" and c.name not in names]
        alone = all(map(is_identifier, rest)) and not _OPPOSITE.search(names[0])
        if len(names) == 1 and (telling or alone):
            return names[0]
        raise self.unclear_label(telling or names)

    def unclear_label(self, names: Sequence[str], *, values: bool = False) -> TableError:
        listed = ", ".join(f"'{name}'" for name in names[:4])
        if values:
            listed += f" next to the values in {self.reader.listed()}"
        step = "Name it with --label-column"
        return question(
            self.where, "has labels that may not be those of the assay", listed,
            "one column of results", f"{step}, or values with --value-column.",
        )  # fmt: skip


def is_active(name: str) -> bool:
    """Whether a column has the name of labels in `data/README.md`."""
    return name.casefold() == "active"


def _is_outcome(name: str) -> bool:
    return "outcome" in name.casefold()


def _is_plain(name: str) -> bool:
    """Whether the name says 'label' and names no target, property or comment."""
    plain = re.sub(r"[\W_]+", "", _LABEL_WORDS.sub("", name)) == ""
    return plain and LABEL_NAME.fullmatch(name.strip()) is not None and not is_other(name)


def label_words(compounds: pd.DataFrame, name: str) -> pd.Series:
    """Labels in lower case of the rows with structures; other rows are footnotes."""
    return filled(compounds[name]).str.casefold()
