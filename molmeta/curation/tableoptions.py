"""What a user specifies about a table in addition to the table itself."""

from __future__ import annotations

from dataclasses import dataclass

from molmeta.errors import ConfigError


@dataclass(frozen=True)
class TableOptions:
    """How to read a table of measured compounds. What is not given is found out from the table.

    Attributes:
        smiles_column: column of structures.
        label_column: column of labels.
        value_column: column of values.
        unit: unit of the values, in place of the one in the table.
        threshold: value beyond which a compound is active, in the unit of the values or with a
            unit of its own, such as '100 nM'. By default the rule of FS-Mol.
        higher_is_active: whether high values mean active; by default true, and false for
            concentrations, where low values are potent.
        sheet: sheet of a workbook.
        decimal: decimal sign of the values, '.' or ','.
    """

    smiles_column: str = ""
    label_column: str = ""
    value_column: str = ""
    unit: str = ""
    threshold: str | float | None = None
    higher_is_active: bool | None = None
    sheet: str = ""
    decimal: str = ""

    def __post_init__(self) -> None:
        if self.label_column and self.threshold is not None:
            raise ConfigError(
                "--threshold: applies to measured values, not to labels; got "
                f"{self.threshold} and --label-column '{self.label_column}', expected one of them. "
                "Leave one out."
            )
        if self.decimal not in ("", ".", ","):
            raise ConfigError(f"--decimal: must be '.' or ','; got '{self.decimal}'. Correct it.")
