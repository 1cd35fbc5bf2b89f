"""Tables as chemists have them, each with its correct reading or the question to expect.

All hold the same twelve compounds; `PX` are their pIC50, the last one a bound. `LABELS` are their
classes. A table is thus read correctly if every compound comes back with its own value or class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import openpyxl
from rdkit import Chem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMILES = [
    "CCOc1ccc2nc(S(N)(=O)=O)sc2c1", "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "O=C(O)c1ccccc1Nc1ccccc1",
    "CC(=O)Nc1ccc(O)cc1", "CN1CCC[C@H]1c1cccnc1", "COc1ccc2[nH]cc(CCN)c2c1",
    "Clc1ccc(CN2CCNCC2)cc1", "O=C1CCc2ccccc2N1", "Cc1ccc(S(=O)(=O)N2CCOCC2)cc1",
    "CCN(CC)CCOC(=O)c1ccc(N)cc1", "FC(F)(F)c1ccc(OCc2ccncc2)cc1", "CC1CCN(c2ncccn2)CC1",
]  # fmt: skip
NM = [5, 12.6, 40, 100, 251, 795, 1260, 2000, 6310, 15900, 39800, 100000]
"""IC50 in nM; that of the last compound is a lower bound."""
PX = [8.301, 7.900, 7.398, 7.0, 6.600, 6.100, 5.900, 5.699, 5.200, 4.799, 4.400, 4.0]
PERCENT = [98, 95, 91, 88, 75, 64, 52, 41, 30, 12, 5, -3]
LABELS = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
NAMES = [f"CPD-{i:04d}" for i in range(12)]
UM = [value / 1000 for value in NM]
INCHI = [Chem.MolToInchi(Chem.MolFromSmiles(smiles)) for smiles in SMILES]


@dataclass(frozen=True)
class Table:
    """A table and what a chemist takes it for.

    Attributes:
        file: its name.
        content: its bytes, or a function that writes it.
        values: the value of each compound on the scale pX or %, None for a table of labels.
        labels: the label of each compound, None where it is missing.
        columns: names of the columns to be read, by role.
        asks: word that the question must contain, "" where the reading is clear.
        options: what the user gives in addition to the table.
    """

    file: str
    content: str | bytes | Callable[[Path], None]
    values: list[float | None] | None = None
    labels: list[int | None] | None = None
    columns: dict[str, str] = field(default_factory=dict)
    asks: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> Path:
        path = folder / self.file
        if callable(self.content):
            self.content(path)
        else:
            content = self.content
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


def lines(columns, separator=",", head="", tail="", quote=False):
    """Text of a table from its columns."""
    wrap = (lambda cell: f'"{cell}"') if quote else str
    rows = [separator.join(map(wrap, columns))]
    rows += [separator.join(map(wrap, row)) for row in zip(*columns.values(), strict=True)]
    return head + "\n".join(rows) + "\n" + tail


def bounded(values, sign=">"):
    """The values as text, the last one a bound."""
    return [f"{value:g}" for value in values[:-1]] + [f"{sign}{values[-1]:g}"]


def words(active, inactive):
    return [active if label else inactive for label in LABELS]


def comma(values, digits=4):
    return [f"{value:.{digits}f}".replace(".", ",") for value in values]


def workbook(sheets, number_format=None):
    """Function that writes a workbook: rows of cells by the name of their sheet."""

    def write(path):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(list(row))
            for cell in sheet["C"] if number_format else ():
                cell.number_format = number_format
        book.save(path)

    return write


def rows_of(columns):
    return [list(columns), *map(list, zip(*columns.values(), strict=True))]


def sdf(properties, *, name=True):
    """Text of an SDF with the given properties."""
    records = []
    for row, smiles in enumerate(SMILES):
        mol = Chem.MolFromSmiles(smiles)
        mol.SetProp("_Name", NAMES[row] if name else "")
        fields = [f">  <{key}>\n{column[row]}\n\n" for key, column in properties.items()]
        records.append(Chem.MolToMolBlock(mol) + "".join(fields) + "$$$$\n")
    return "".join(records)


def chembl(**changed):
    """Columns of a web export of ChEMBL's activities."""
    n = len(SMILES)
    columns = {
        "Molecule ChEMBL ID": [f"CHEMBL{i}" for i in range(n)],
        "Molecule Name": [""] * n,
        "Molecular Weight": [300.5 + i for i in range(n)],
        "#RO5 Violations": [0] * n,
        "AlogP": [2.5 + i / 10 for i in range(n)],
        "Smiles": SMILES,
        "Standard Type": ["IC50"] * n,
        "Standard Relation": ["'='"] * (n - 1) + ["'>'"],
        "Standard Value": NM,
        "Standard Units": ["nM"] * n,
        "pChEMBL Value": [*PX[:-1], ""],
        "Comment": [""] * n,
        "Uo Units": ["UO_0000065"] * n,
        "Ligand Efficiency LE": [0.3] * n,
        "Assay ChEMBL ID": ["CHEMBL612545"] * n,
        "Assay Description": ["Inhibition of the enzyme, in vitro"] * n,
        "Assay Type": ["B"] * n,
        "Target ChEMBL ID": ["CHEMBL204"] * n,
        "Target Name": ["Thrombin"] * n,
        "Target Organism": ["Homo sapiens"] * n,
        "Document Year": [2011] * n,
        "Value": [v / 1000 for v in NM],
    }
    return columns | changed


def bindingdb(**changed):
    """Columns of a TSV of BindingDB."""
    n = len(SMILES)
    columns = {
        "BindingDB Reactant_set_id": range(50000, 50000 + n),
        "Ligand SMILES": SMILES,
        "Ligand InChI": INCHI,
        "Ligand InChI Key": [Chem.InchiToInchiKey(inchi) for inchi in INCHI],
        "BindingDB MonomerID": range(100, 100 + n),
        "BindingDB Ligand Name": [f"CHEMBL{i}::US{i}" for i in range(n)],
        "Target Name": ["Prothrombin"] * n,
        "Ki (nM)": bounded(NM),
        "IC50 (nM)": [""] * n,
        "Kd (nM)": [""] * n,
        "EC50 (nM)": [""] * n,
        "kon (M-1-s-1)": [""] * n,
        "koff (s-1)": [""] * n,
        "pH": [7.4] * n,
        "Temp (C)": [25.0] * n,
    }
    return columns | changed


def pubchem(outcomes, *, smiles=True):
    """Text of a data table of PubChem BioAssay."""
    columns = {
        "PUBCHEM_RESULT_TAG": range(1, 13),
        "PUBCHEM_SID": range(1000, 1012),
        "PUBCHEM_CID": range(2000, 2012),
        "PUBCHEM_EXT_DATASOURCE_SMILES": SMILES,
        "PUBCHEM_ACTIVITY_OUTCOME": outcomes,
        "PUBCHEM_ACTIVITY_SCORE": [40, 40, 41, 42, 43, 0, 0, 0, 0, 0, 0, 0],
        "PUBCHEM_ACTIVITY_URL": [""] * 12,
        "PUBCHEM_ASSAYDATA_COMMENT": [""] * 12,
        "Phenotype": words("Inhibitor", "Inactive"),
        "Potency": UM,
        "Efficacy": [99.5] * 12,
    }
    if not smiles:
        del columns["PUBCHEM_EXT_DATASOURCE_SMILES"]
    header, *rows = lines(columns).splitlines()
    blank = "," * (7 if smiles else 6)
    described = [
        f"RESULT_TYPE{blank},STRING,FLOAT,FLOAT", f"RESULT_DESCR{blank},Class of curve,Half,Max",
        f"RESULT_UNIT{blank},,MICROMOLAR,PERCENT",
    ]  # fmt: skip
    return "\n".join([header, *described, *rows]) + "\n"


def vault(**changed):
    """Columns of an export of CDD Vault."""
    columns = {
        "Molecule Name": NAMES,
        "Batch Name": ["001"] * 12,
        "SMILES": SMILES,
        "CXSMILES": [f"{smiles} |$;;$|" for smiles in SMILES],
        "Thrombin: IC50 (µM)": bounded(UM),
        "Thrombin: Hill slope": [1.1] * 12,
        "Thrombin: % inh @ 10 uM": PERCENT,
        "Thrombin: R2": [0.98] * 12,
        "Run Date": ["2024-03-01"] * 12,
    }
    return columns | changed


def dotmatics(**changed):
    columns = {
        "Compound ID": NAMES,
        "Structure": SMILES,
        "FXa IC50 uM geomean": UM,
        "FXa IC50 mod": [""] * 11 + [">"],
        "FXa IC50 n": [2] * 12,
        "FXa IC50 stdev": [0.1] * 12,
        "MW": [300.1 + i for i in range(12)],
        "cLogP": [2.1] * 12,
    }
    return columns | changed


ID = {"ID": NAMES, "SMILES": SMILES}
VALUED = {"smiles": SMILES, "IC50 (nM)": bounded(NM)}
LABELLED = {"smiles": SMILES, "active": LABELS}
FALSE_LAST = [0, 1] * 6


def book_of(name, values):
    """Rows of a sheet of a workbook with one result."""
    return rows_of({"Name": NAMES, "SMILES": SMILES, name: values})


IC50_BOOK = rows_of({"Name": NAMES, "SMILES": SMILES, "IC50 (nM)": NM})

READ = {
    # ChEMBL
    "chembl_web": Table(
        "a.csv", lines(chembl(), ";", quote=True), PX, columns={"value": "Standard Value"}
    ),
    "chembl_bom": Table("a.csv", "\ufeff" + lines(chembl(), ";", quote=True), PX),
    "chembl_tsv": Table("a.tsv", lines(chembl(), "\t"), PX),
    "chembl_pchembl_only": Table("a.csv", lines({"Smiles": SMILES, "pChEMBL Value": PX}), PX),
    "chembl_api": Table(
        "a.csv",
        lines(
            {
                "molecule_chembl_id": NAMES,
                "canonical_smiles": SMILES,
                "standard_type": ["Ki"] * 12,
                "standard_relation": ["="] * 11 + [">"],
                "standard_value": NM,
                "standard_units": ["nM"] * 12,
                "type": ["Ki"] * 12,
                "relation": ["="] * 12,
                "value": UM,
                "units": ["uM"] * 12,
                "pchembl_value": [*PX[:-1], ""],
                "assay_chembl_id": ["CHEMBL1"] * 12,
                "target_pref_name": ["Thrombin"] * 12,
            }
        ),
        PX,
        columns={"value": "standard_value"},
    ),
    "chembl_mixed_units": Table(
        "a.csv",
        lines(
            chembl(
                **{
                    "Standard Value": [*NM[:6], *UM[6:]],
                    "Standard Units": ["nM"] * 6 + ["uM"] * 6,
                    "pChEMBL Value": [""] * 12,
                    "Value": [""] * 12,
                }
            ),
            ";",
            quote=True,
        ),
        PX,
    ),
    # BindingDB
    "bindingdb_ki": Table("a.tsv", lines(bindingdb(), "\t"), PX, columns={"value": "Ki (nM)"}),
    "bindingdb_ic50": Table(
        "a.tsv",
        lines(
            bindingdb(**{"Ki (nM)": [""] * 12, "IC50 (nM)": [f" {v}" for v in bounded(NM)]}), "\t"
        ),
        PX,
    ),
    "bindingdb_txt": Table("a.txt", lines(bindingdb(), "\t"), PX),
    # PubChem
    "pubchem": Table(
        "AID_1.csv",
        pubchem(words("Active", "Inactive")),
        labels=LABELS,
        columns={"label": "PUBCHEM_ACTIVITY_OUTCOME"},
    ),
    "pubchem_inconclusive": Table(
        "AID_1.csv",
        pubchem(["Active"] * 5 + ["Inconclusive"] * 2 + ["Inactive"] * 5),
        labels=[*LABELS[:5], None, None, *LABELS[7:]],
    ),
    "pubchem_unspecified": Table(
        "AID_1.csv",
        pubchem(["Active"] * 5 + ["Unspecified"] + ["Inactive"] * 6),
        labels=[*LABELS[:5], None, *LABELS[6:]],
    ),
    # Workbooks
    "xlsx": Table("a.xlsx", workbook({"Sheet1": IC50_BOOK}), PX),
    "xlsx_title_rows": Table(
        "a.xlsx",
        workbook({"Data": [["Project X, SAR of series A"], [], ["measured 2024"], *IC50_BOOK]}),
        PX,
    ),
    "xlsx_second_sheet": Table(
        "a.xlsx",
        workbook({"Read me": [["Contact: the lab"], ["All values are means"]], "Data": IC50_BOOK}),
        PX,
    ),
    "xlsx_named_sheet": Table(
        "a.xlsx",
        workbook(
            {
                "Old": rows_of({"Name": NAMES, "SMILES": SMILES, "IC50 (nM)": NM[::-1]}),
                "New": IC50_BOOK,
            }
        ),
        PX,
        options={"sheet": "New"},
    ),
    "xlsx_text_numbers": Table(
        "a.xlsx",
        workbook({"S": rows_of({"Name": NAMES, "SMILES": SMILES, "IC50 (nM)": bounded(NM)})}),
        PX,
    ),
    "xlsx_units_row": Table(
        "a.xlsx", workbook({"S": [["Name", "SMILES", "IC50"], ["", "", "nM"], *IC50_BOOK[1:]]}), PX
    ),
    "xlsx_booleans": Table(
        "a.xlsx",
        workbook({"S": rows_of({"SMILES": SMILES, "Active": [bool(x) for x in LABELS]})}),
        labels=LABELS,
    ),
    "xlsx_percent_format": Table(
        "a.xlsx",
        workbook(
            {
                "S": rows_of(
                    {"Name": NAMES, "SMILES": SMILES, "Inhibition": [p / 100 for p in PERCENT]}
                )
            },
            "0%",
        ),
        PERCENT,
    ),
    "xlsx_unit_format": Table(
        "a.xlsx",
        workbook({"S": rows_of({"Name": NAMES, "SMILES": SMILES, "IC50": UM})}, '0.00" µM"'),
        PX,
    ),
    "xlsm": Table("a.xlsm", workbook({"Sheet1": IC50_BOOK}), PX),
    # SDF
    "sdf_values": Table("a.sdf", sdf({"ID": NAMES, "IC50 (nM)": bounded(NM)}), PX),
    "sdf_labels": Table("a.sdf", sdf({"Activity": words("active", "inactive")}), labels=LABELS),
    "sdf_unit_property": Table("a.sdf", sdf({"IC50": NM, "IC50_Units": ["nM"] * 12}), PX),
    "sdf_pic50": Table("a.sdf", sdf({"pIC50": PX, "MolWt": [300 + i for i in range(12)]}), PX),
    # Exports with several result columns
    "vault": Table(
        "a.csv", lines(vault()), PX, columns={"value": "Thrombin: IC50 (µM)", "smiles": "SMILES"}
    ),
    "vault_two_pic50": Table("a.csv", lines(vault(**{"Thrombin: pIC50": [*PX[:-1], ""]})), PX),
    "dotmatics": Table("a.csv", lines(dotmatics()), PX, columns={"value": "FXa IC50 uM geomean"}),
    "dotmatics_replicates": Table(
        "a.csv",
        lines(dotmatics(**{"FXa IC50 uM run 1": UM, "FXa IC50 uM run 2": [u * 1.2 for u in UM]})),
        PX,
        columns={"value": "FXa IC50 uM geomean"},
    ),
    "cxsmiles": Table(
        "a.csv", lines({"CXSMILES": [f"{s} |$;;$|" for s in SMILES], "pIC50": PX}), PX
    ),
    "inchi": Table("a.csv", lines({"InChI": INCHI, "pIC50": PX}, "\t"), PX),
    "inchi_and_smiles": Table(
        "a.csv",
        lines({"InChI": INCHI, "SMILES": SMILES, "pIC50": PX}, "\t"),
        PX,
        columns={"smiles": "SMILES"},
    ),
    # Everyday spreadsheets
    "documented": Table(
        "a.csv",
        lines({"smiles": SMILES, "value": NM, "unit": ["nM"] * 12, "relation": ["="] * 11 + [">"]}),
        PX,
    ),
    "documented_labels": Table("a.csv", lines(LABELLED), labels=LABELS),
    "pic50": Table("a.csv", lines({**ID, "pIC50": PX}), PX),
    "pic50_of_target": Table("a.csv", lines({**ID, "EGFR_pIC50": PX}), PX),
    "neglog": Table("a.csv", lines({**ID, "-log IC50": PX}), PX),
    "ic50_um": Table("a.csv", lines({**ID, "IC50 (uM)": bounded(UM)}), PX),
    "ic50_nm_underscore": Table("a.csv", lines({**ID, "IC50_nM": bounded(NM)}), PX),
    "ic50_greek": Table("a.csv", lines({**ID, "IC50 [μM]": bounded(UM)}), PX),
    "latin1": Table(
        "a.csv",
        lines({**ID, "IC50 (µM)": bounded(UM), "Bemerkung": ["für"] * 12}, ";").encode("latin-1"),
        PX,
    ),
    "utf16": Table("a.csv", lines({**ID, "IC50 (µM)": bounded(UM)}, "\t").encode("utf-16"), PX),
    "canonical_smiles": Table(
        "a.csv", lines({"canonical_smiles": SMILES, "Ki_nM": bounded(NM)}), PX
    ),
    "structure": Table("a.csv", lines({"Structure": SMILES, "Kd (nM)": bounded(NM)}), PX),
    "two_smiles": Table(
        "a.csv",
        lines(
            {
                "SMILES": SMILES,
                "canonical_smiles": [Chem.CanonSmiles(s) for s in SMILES],
                "pIC50": PX,
            }
        ),
        PX,
    ),
    "scaffold_smiles": Table(
        "a.csv",
        lines({"Murcko SMILES": ["c1ccccc1"] * 12, "Compound SMILES": SMILES, "pIC50": PX}),
        PX,
        columns={"smiles": "Compound SMILES"},
    ),
    "ph_percent": Table("a.csv", lines({**ID, "% inh @ 10 uM": PERCENT}), PERCENT),
    "inhibition_percent": Table(
        "a.csv", lines({**ID, "Inhibition (%)": [f"{p}%" for p in PERCENT]}), PERCENT
    ),
    "ic50_and_pic50": Table(
        "a.csv", lines({**ID, "IC50 (nM)": bounded(NM), "pIC50": PX, "LogP": [2.1] * 12}), PX
    ),
    "unit_column": Table(
        "a.csv", lines({**ID, "IC50": NM, "Unit": ["nM"] * 12, "Qualifier": ["="] * 11 + [">"]}), PX
    ),
    "mixed_units": Table(
        "a.csv", lines({**ID, "IC50": [*NM[:6], *UM[6:]], "Units": ["nM"] * 6 + ["µM"] * 6}), PX
    ),
    "units_in_cells": Table(
        "a.csv",
        lines(
            {
                **ID,
                "IC50": [f"{v:g} nM" for v in NM[:6]]
                + [f"{v:g}µM" for v in UM[6:-1]]
                + ["> 100 µM"],
            }
        ),
        PX,
    ),
    "errors_in_cells": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [f"{v:g} ± {v / 10:g}" for v in NM]}), PX
    ),
    "replicates_in_cells": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [f"{v:g} (n=3)" for v in NM]}), PX
    ),
    "scientific": Table("a.csv", lines({**ID, "IC50 (M)": [f"{v * 1e-9:.3E}" for v in NM]}), PX),
    "molar_without_unit": Table(
        "a.csv", lines({**ID, "IC50": [f"{v * 1e-9:.3E}" for v in NM]}), PX
    ),
    "log_molar": Table("a.csv", lines({**ID, "log IC50 (M)": [-p for p in PX]}), PX),
    "nm_by_size": Table("a.csv", lines({**ID, "IC50": bounded(NM)}), PX),
    "html_bound": Table("a.csv", lines({**ID, "IC50 (nM)": [*NM[:-1], "&gt;100000"]}), PX),
    "decimal_comma": Table("a.csv", lines({**ID, "pIC50": comma(PX)}, ";"), PX),
    "decimal_comma_um": Table("a.csv", lines({**ID, "IC50 (µM)": comma(UM)}, ";"), PX),
    "decimal_comma_three_digits": Table("a.csv", lines({**ID, "pIC50": comma(PX, 3)}, ";"), PX),
    "thousands": Table("a.csv", lines({**ID, "IC50 (nM)": [f"{v:,}" for v in NM]}, "\t"), PX),
    "thousands_quoted": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [f"{v:,}" for v in NM]}, quote=True), PX
    ),
    "thousands_german": Table(
        "a.csv",
        lines(
            {**ID, "IC50 (nM)": [f"{v:,.1f}".translate(str.maketrans(",.", ".,")) for v in NM]}, ";"
        ),
        PX,
    ),
    "thousands_space": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [f"{v:,}".replace(",", " ") for v in NM]}), PX
    ),
    "sep_line": Table("a.csv", "sep=;\n" + lines({**ID, "pIC50": comma(PX)}, ";"), PX),
    "title_rows": Table(
        "a.csv", lines({**ID, "pIC50": PX}, head="Thrombin SAR, final\n\nDate: 2024-03-01\n"), PX
    ),
    "comments": Table(
        "a.csv",
        lines({**ID, "pIC50": PX}, head="# exported by the LIMS\n# pIC50, SMILES of the parent\n"),
        PX,
    ),
    "blank_and_footnotes": Table(
        "a.csv",
        lines(
            {**ID, "pIC50": PX},
            tail="\n,,\n* mean of 3 runs\nn.d., not determined, see report, page 3\n",
        ),
        PX,
    ),
    "no_header": Table(
        "a.csv",
        "\n".join(f"{s},{label}" for s, label in zip(SMILES, LABELS, strict=True)) + "\n",
        labels=LABELS,
    ),
    "yes_no": Table("a.csv", lines({**ID, "Hit": words("Yes", "no")}), labels=LABELS),
    "active_inactive": Table(
        "a.csv", lines({**ID, "outcome": words("Active", "Inactive")}), labels=LABELS
    ),
    "plus_minus": Table("a.csv", lines({**ID, "Result": words("+", "-")}), labels=LABELS),
    "true_false": Table("a.csv", lines({**ID, "class": words("TRUE", "FALSE")}), labels=LABELS),
    "label_and_values": Table(
        "a.csv",
        lines({**ID, "label": LABELS, "IC50 (nM)": NM}),
        labels=LABELS,
        columns={"value": "IC50 (nM)"},
    ),
    "bace": Table(
        "a.csv",
        lines(
            {
                "mol": SMILES,
                "CID": NAMES,
                "Class": LABELS,
                "Model": ["Train"] * 12,
                "pIC50": PX,
                "MW": [430.0] * 12,
                "HBA": [3] * 12,
            }
        ),
        labels=LABELS,
    ),
    "words_in_values": Table(
        "a.csv",
        lines({**ID, "IC50 (nM)": [*NM[:9], "n.d.", "NT", ""]}),
        [*PX[:9], None, None, None],
    ),
    "formula_errors": Table(
        "a.csv", lines({**ID, "pIC50": [*PX[:10], "#N/A", "#DIV/0!"]}), [*PX[:10], None, None]
    ),
    "unit_given": Table("a.csv", lines({**ID, "IC50": UM}), PX, options={"unit": "uM"}),
    "value_column_given": Table(
        "a.csv",
        lines({**ID, "EGFR IC50 (nM)": NM, "HER2 IC50 (nM)": NM[::-1]}),
        PX,
        options={"value_column": "EGFR IC50 (nM)"},
    ),
    "label_column_given": Table(
        "a.csv",
        lines({**ID, "EGFR": LABELS, "HER2": LABELS[::-1]}),
        labels=LABELS,
        options={"label_column": "EGFR"},
    ),
    "decimal_given": Table(
        "a.csv",
        lines({**ID, "IC50 (µM)": ["1,234", "2,345"] * 6}, ";"),
        [5.909, 5.630] * 6,
        options={"decimal": ","},
    ),
}

READ |= {
    "qualifier_after_two_results": Table(
        "a.csv",
        lines({**ID, "IC50 (nM)": NM, "pIC50": [*PX[:-1], ""], "Qualifier": ["="] * 11 + [">"]}),
        PX,
        columns={"relation": "Qualifier", "value": "IC50 (nM)"},
    ),
    "qualifier_of_each_result": Table(
        "a.csv",
        lines(
            {
                **ID,
                "EGFR Ki mod": [""] * 12,
                "EGFR IC50 mod": [""] * 11 + [">"],
                "EGFR IC50 (nM)": NM,
            }
        ),
        PX,
        columns={"relation": "EGFR IC50 mod"},
    ),
    "type_column": Table(
        "a.csv",
        lines(
            {
                **ID,
                "Type": ["IC50"] * 12,
                "Value": NM,
                "Units": ["nM"] * 12,
                "Relation": ["="] * 11 + [">"],
            }
        ),
        PX,
    ),
    "type_is_pic50": Table(
        "a.csv",
        lines(
            {
                **ID,
                "standard_type": ["pIC50"] * 12,
                "standard_value": PX,
                "standard_units": [""] * 12,
            }
        ),
        PX,
    ),
    "concentration_in_the_name": Table("a.csv", lines({**ID, "EGFR_10uM_inhib": PERCENT}), PERCENT),
    "ec50_and_efficacy": Table(
        "a.csv", lines({**ID, "Efficacy (%)": PERCENT, "EC50 (nM)": bounded(NM)}), PX
    ),
    "unit_from_the_pki": Table(
        "a.csv", lines({**ID, "Ki": [v * 1e-3 for v in NM], "pKi": PX}), PX, columns={"value": "Ki"}
    ),
    "log_of_nm": Table("a.csv", lines({**ID, "log Ki (nM)": [9 - p for p in PX]}), PX),
    "two_header_rows": Table(
        "a.csv", lines({**ID, "IC50 (nM)": NM, "n": [2] * 12}, head=",,EGFR,EGFR\n"), PX
    ),
    "units_row": Table(
        "a.csv",
        "Compound,SMILES,IC50\n,,µM\n"
        + lines({"a": NAMES, "b": SMILES, "c": UM}).partition("\n")[2],
        PX,
    ),
    "chemical_class": Table(
        "a.csv", lines({**ID, "class": ["sulfonamide", "amide"] * 6, "pIC50": PX}), PX
    ),
    "quotes_within_names": Table(
        "a.csv",
        lines({"Name": [f'5"-{name}' for name in NAMES], "SMILES": SMILES, "pIC50": PX}),
        PX,
    ),
    "mac_line_ends": Table("a.csv", lines({**ID, "pIC50": PX}).replace("\n", "\r"), PX),
    "utf16_without_mark": Table("a.csv", lines({**ID, "pIC50": PX}).encode("utf-16-le"), PX),
    "decoded_twice": Table(
        "a.csv", lines({**ID, "IC50 (µM)": bounded(UM)}).encode().decode("latin-1").encode(), PX
    ),
    "pipes": Table("a.csv", lines({"SMILES": SMILES, "pIC50": PX}, "|"), PX),
    "smiles_lines": Table("a.smi", lines({"smiles": SMILES, "label": LABELS}, " "), labels=LABELS),
    "xlsx_bound_format": Table(
        "a.xlsx",
        workbook({"S": rows_of({"Name": NAMES, "SMILES": SMILES, "IC50 (nM)": NM})}, '"~"0'),
        PX,
    ),
    "xlsx_notes_beside": Table(
        "a.xlsx",
        workbook(
            {
                "S": [
                    [*row, "", note]
                    for row, note in zip(IC50_BOOK, [*"abc", *[""] * 10], strict=True)
                ]
            }
        ),
        PX,
    ),
    "xlsx_offset": Table(
        "a.xlsx",
        workbook({"S": [[], [], *[["", "", *row] for row in IC50_BOOK], [], ["", "n=3"]]}),
        PX,
    ),
    "xlsx_commas_beside_numbers": Table(
        "a.xlsx",
        workbook(
            {"S": rows_of({"Name": NAMES, "SMILES": SMILES, "IC50 (µM)": ["0,005", *UM[1:]]})}
        ),
        PX,
    ),
    "r_groups": Table(
        "a.csv",
        lines({**ID, "R1": [f"[*:1]c1ccccc1{'C' * i}" for i in range(12)], "pIC50": PX}),
        PX,
    ),
    "repeated_header": Table("a.csv", lines({**ID, "pIC50": PX}, tail="ID,SMILES,pIC50\n"), PX),
    "predicted_beside_measured": Table(
        "a.csv", lines({**ID, "Predicted pIC50": PX[::-1], "pIC50": PX}), PX
    ),
    "old_chembl_names": Table(
        "a.csv",
        lines(
            {
                "CMPD_CHEMBLID": NAMES,
                "CANONICAL_SMILES": SMILES,
                "STANDARD_TYPE": ["Ki"] * 12,
                "RELATION": ["="] * 11 + [">"],
                "YEAR": [2001] * 12,
                "STANDARD_VALUE": NM,
                "STANDARD_UNITS": ["nM"] * 12,
                "PCHEMBL_VALUE": [*PX[:11], ""],
                "ASSAY_CHEMBLID": ["CHEMBL1"] * 12,
            }
        ),
        PX,
        columns={"relation": "RELATION"},
    ),
    "one_cell_in_another_unit": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [*NM[:11], "100 µM"]}), PX
    ),
    "mixed_units_and_pic50": Table(
        "a.csv",
        lines(
            {
                **ID,
                "IC50": [*NM[:6], *UM[6:]],
                "Unit": ["nM"] * 6 + ["uM"] * 6,
                "pIC50": [*PX[:10], "", ""],
            }
        ),
        PX,
        columns={"value": "IC50"},
    ),
    "numbers_with_hashes": Table(
        "a.csv", lines({"#": [f"#{i}" for i in range(12)], "SMILES": SMILES, "pIC50": PX}), PX
    ),
    "comments_between_rows": Table(
        "a.csv",
        lines({"SMILES": SMILES, "pIC50": PX}).replace(f"{SMILES[3]},", f"# batch 2\n{SMILES[3]},"),
        PX,
    ),
    "protein_named_like_a_logarithm": Table(
        "a.csv", lines({**ID, "PKB IC50 (nM)": bounded(NM), "PKD1": ["x"] * 12}), PX
    ),
    "substance_p": Table("a.csv", lines({**ID, "Substance P Ki (nM)": bounded(NM)}), PX),
    "footnote_below_the_labels": Table(
        "a.csv",
        lines({"Hit": words("yes", "no"), "SMILES": SMILES}, tail="* one run\n"),
        labels=LABELS,
    ),
    "footnote_below_the_qualifiers": Table(
        "a.csv",
        lines(
            {"Mod": ["="] * 11 + [">"], "SMILES": SMILES, "TPSA": NM, "Ki (nM)": NM},
            tail="* mean of three\n",
        ),
        PX,
        columns={"relation": "Mod"},
    ),
    "errors_with_exponents": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [f"{v:g} ± {v / 10:.1e}" for v in NM]}), PX
    ),
    "sdf_in_text": Table("a.txt", sdf({"pIC50": PX}), PX),
    "sdf_windows": Table("a.sdf", sdf({"IC50 (nM)": bounded(NM)}).replace("\n", "\r\n"), PX),
    "sdf_with_smiles": Table("a.sdf", sdf({"SMILES": SMILES, "pIC50": PX}), PX),
    "footnote_marks": Table(
        "a.csv",
        lines(
            {
                **ID,
                "IC50 (nM)": [
                    "5*",
                    "12.6a",
                    "4 x 10^1",
                    "100†",
                    "approx. 251",
                    *NM[5:11],
                    "> =100000",
                ],
            }
        ),
        PX,
    ),
    "statistics": Table(
        "a.csv",
        lines(
            {
                **ID,
                "IC50 (nM)": [*NM[:11], ">100000"],
                "IC50 n": [2, 3] * 6,
                "IC50 CV": NM,
                "IC50 high": NM,
            }
        ),
        PX,
        columns={"value": "IC50 (nM)"},
    ),
    "one_delta": Table(
        "a.csv",
        lines({**ID, "PPAR delta EC50 (nM)": [*NM[:11], ">100000"]}),
        PX,
        columns={"value": "PPAR delta EC50 (nM)"},
    ),
    "replicates_by_salt": Table(
        "a.csv",
        lines(
            {
                "SMILES": SMILES * 2,
                "Form": ["HCl"] * 12 + ["TFA"] * 12,
                "IC50 (nM)": [*NM[:11], ">100000"] * 2,
            }
        ),
        PX,
    ),
    "numbers_that_are_not_labels": Table(
        "a.csv",
        lines(
            {
                **ID,
                "Priority": [0, 1, 1, 2] * 3,
                "Duplicate": [0] * 12,
                "IC50 (nM)": [*NM[:11], ">100000"],
            }
        ),
        PX,
    ),
    "confidence_limits": Table(
        "a.csv",
        lines(
            {
                **ID,
                "IC50 (nM)": [*NM[:11], ">100000"],
                "IC50 low (nM)": NM,
                "IC50 high (nM)": NM[::-1],
                "IC50 UCL": NM,
            }
        ),
        PX,
        columns={"value": "IC50 (nM)"},
    ),
    "replicates_by_run": Table(
        "a.csv",
        lines(
            {
                "SMILES": SMILES * 2,
                "Run": ["a"] * 12 + ["b"] * 12,
                "IC50 (nM)": [*NM[:11], ">100000"] * 2,
            }
        ),
        PX,
    ),
    "repeated_header_below_a_page_number": Table(
        "a.csv",
        lines({"SMILES": SMILES[:6], "IC50 (nM)": NM[:6]}, tail="Page 2,\n")
        + lines({"SMILES": SMILES[6:], "IC50 (nM)": [*NM[6:11], ">100000"]}),
        PX,
    ),
}
"""Found by reading odd tables until one was read wrongly."""

AMBIGUOUS = {
    "nm_or_um": Table(
        "a.csv",
        lines({**ID, "IC50": [5, 12.6, 40, 100, 251, 795, 1260, 2000, 3.5, 9, 70, 310]}),
        asks="--unit",
    ),
    "no_unit_value": Table("a.csv", lines({"smiles": SMILES, "value": PERCENT}), asks="--unit"),
    "fraction_or_percent": Table(
        "a.csv", lines({**ID, "Inhibition": [abs(p) / 100 for p in PERCENT]}), asks="--unit"
    ),
    "pic50_with_concentrations": Table("a.csv", lines({**ID, "pIC50": NM}), asks="--unit"),
    "log_without_unit": Table(
        "a.csv", lines({**ID, "log IC50": [9 - p for p in PX]}), asks="--unit"
    ),
    "two_targets": Table(
        "a.csv",
        lines({**ID, "EGFR IC50 (nM)": NM, "HER2 IC50 (nM)": NM[::-1]}),
        asks="--value-column",
    ),
    "bindingdb_ki_and_ic50": Table(
        "a.tsv", lines(bindingdb(**{"IC50 (nM)": NM[::-1]}), "\t"), asks="--value-column"
    ),
    "few_ic50_many_percent": Table(
        "a.csv",
        lines(vault(**{"Thrombin: IC50 (µM)": [*UM[:3], *[""] * 9]})),
        asks="--value-column",
    ),
    **{
        f"two_results_{number}": Table(
            "a.csv", lines({**ID, first: NM, second: NM[::-1]}), asks="--value-column"
        )
        for number, (first, second) in enumerate(
            [
                ("PI3K delta IC50 (nM)", "PI3K alpha IC50 (nM)"),
                ("Wild type IC50 (nM)", "T790M IC50 (nM)"),
                ("N-type IC50 (nM)", "hERG IC50 (nM)"),
                ("IC50 low ATP (nM)", "IC50 1 mM ATP (nM)"),
                ("IC50 30 min preincubation (nM)", "IC50 (nM)"),
                ("TRPV1 IC50 pH 5 (nM)", "TRPV1 IC50 capsaicin (nM)"),
            ]
        )
    },
    **{
        f"repeated_by_{name}": Table(
            "a.csv",
            lines(
                {
                    "SMILES": SMILES * 2,
                    name: [cell for cell in cells for _ in SMILES],
                    "IC50 (nM)": NM + NM[::-1],
                }
            ),
            asks=f"'{name}'",
        )
        for name, cells in {
            "Cell line": ("HeLa", "MCF-7"),
            "Isoform": ("HDAC1", "HDAC6"),
            "Time (h)": (24, 72),
        }.items()
    },
    "two_replicates_of_each_line": Table(
        "a.csv",
        lines(
            {
                "SMILES": SMILES * 4,
                "Cell line": [cell for cell in ("HeLa", "A549") * 2 for _ in SMILES],
                "IC50 (nM)": (NM + NM[::-1]) * 2,
            }
        ),
        asks="'Cell line'",
    ),
    "doses_of_other_compounds": Table(
        "a.csv",
        lines({**ID, "Conc (uM)": [1, 10] * 6, "% inhibition": PERCENT}),
        asks="'Conc (uM)'",
    ),
    "inactive": Table(
        "a.csv", lines({**ID, "inactive": [1 - label for label in LABELS]}), asks="--label-column"
    ),
    "negative_inhibition": Table(
        "a.csv",
        lines({**ID, "% inhibition": [-abs(p) for p in PERCENT]}),
        asks="--lower-is-active",
    ),
    "uninhibited": Table("a.csv", lines({**ID, "% uninhibited": PERCENT}), asks="direction"),
    "micro_lost": Table("a.csv", lines({**ID, "Ki (mM)": NM}), asks="--unit"),
    "high_affinity_state": Table(
        "a.csv",
        lines({**ID, "D2 Ki (nM)": NM, "D2 high Ki (nM)": NM[::-1]}),
        asks="--value-column",
    ),
    "two_blocks": Table(
        "a.csv",
        lines({"SMILES": SMILES, "IC50 (nM)": NM}, head="HDAC1,\n")
        + lines({"SMILES": [f"C{text}" for text in SMILES], "IC50 (nM)": NM}, head="HDAC6,\n"),
        asks="two tables",
    ),
    "zones": Table("a.csv", lines({**ID, "Zone of inhibition (mm)": NM}), asks="--threshold"),
    "micrograms": Table("a.csv", lines({**ID, "MIC (µg/mL)": UM}), asks="'µg/mL'"),
    "calculated": Table("a.csv", lines({**ID, "pIC50 (calc)": PX}), asks="--value-column"),
    "percent_among_ic50": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [*NM[:8], "45%", "30%", "12%", "5%"]}), asks="percent"
    ),
    "solubility": Table(
        "a.csv",
        lines({**ID, "Solubility (µM)": UM}),
        asks="--higher-is-active",
        options={"value_column": "Solubility (µM)"},
    ),
    "only_names": Table("a.csv", lines(ID), asks="'active' with 1"),
    "two_labels": Table(
        "a.csv", lines({**ID, "EGFR": LABELS, "HER2": LABELS[::-1]}), asks="--label-column"
    ),
    "yes_no_of_something": Table(
        "a.csv",
        lines({**ID, "In stock": words("yes", "no"), "Vendor": ["X"] * 12}),
        asks="--label-column",
    ),
    "one_two": Table(
        "a.csv",
        lines({**ID, "class": [2 if label else 1 for label in LABELS]}),
        asks="--higher-is-active",
    ),
    "dates": Table("a.csv", lines({**ID, "IC50 (nM)": [*NM[:10], "2-Jan", "5-Mrz"]}), asks="2-Jan"),
    "remaining_activity": Table(
        "a.csv", lines({**ID, "% activity": [100 - p for p in PERCENT]}), asks="--lower-is-active"
    ),
    "remaining_control": Table(
        "a.csv", lines({**ID, "% of control": [100 - p for p in PERCENT]}), asks="--threshold"
    ),
    "mass_per_volume": Table(
        "a.csv", lines({**ID, "MIC (ug/mL)": [2, 4, 8, 16] * 3}), asks="--threshold"
    ),
    "thousands_or_decimals": Table(
        "a.csv", lines({**ID, "IC50 (nM)": ["1,234", "2,345"] * 6}, ";"), asks="--decimal"
    ),
    "both_decimals": Table(
        "a.csv", lines({**ID, "IC50 (nM)": ["1,25", "2.5"] * 6}, ";"), asks="--decimal"
    ),
    "two_structures": Table(
        "a.csv",
        lines({"Compound SMILES": SMILES, "Partner SMILES": SMILES[::-1], "pIC50": PX}),
        asks="--smiles-column",
    ),
    "two_sheets": Table("a.xlsx", workbook({"EGFR": IC50_BOOK, "HER2": IC50_BOOK}), asks="--sheet"),
    "absent_sheet": Table(
        "a.xlsx", workbook({"EGFR": IC50_BOOK}), asks="'EGFR'", options={"sheet": "EGRF"}
    ),
    "no_structures": Table(
        "AID_1.csv", pubchem(words("Active", "Inactive"), smiles=False), asks="--smiles-column"
    ),
    "inchikeys_alone": Table(
        "a.csv",
        lines({"InChIKey": [Chem.InchiToInchiKey(i) for i in INCHI], "pIC50": PX}),
        asks="--smiles-column",
    ),
    "no_result": Table(
        "a.csv", lines({**ID, "MW": [300.1 + i for i in range(12)]}), asks="--value-column"
    ),
    "potency_classes": Table("a.csv", lines({**ID, "class": ["A", "B", "C", "D"] * 3}), asks="'A'"),
    "formulas_without_values": Table(
        "a.xlsx",
        workbook(
            {
                "S": [
                    ["Name", "SMILES", "pIC50"],
                    *[[n, s, f"=9-LOG10({v})"] for n, s, v in zip(NAMES, SMILES, NM, strict=True)],
                ]
            }
        ),
        asks="formula",
    ),
    "two_tables_stacked": Table(
        "a.csv",
        lines({**ID, "IC50 (nM)": NM}, tail=lines({**ID, "IC50 (uM)": UM})),
        asks="second header",
    ),
    "predicted_alone": Table("a.csv", lines({**ID, "Predicted pIC50": PX}), asks="--value-column"),
    "kinact": Table("a.csv", lines({**ID, "kinact/KI": NM}), asks="--value-column"),
    "qualifier_of_which_result": Table(
        "a.csv",
        lines(
            {
                **ID,
                "IC50 (nM)": NM,
                "cLogP": PX,
                "Relation": ["="] * 11 + [">"],
                "PPB (%)": PERCENT,
            }
        ),
        asks="'Relation'",
    ),
    "protein_or_logarithm": Table(
        "a.csv", lines({**ID, "PKD (nM)": [n / 10000 for n in NM]}), asks="--unit nM"
    ),
    "results_in_words": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [*NM[:6], *["inactive"] * 6]}), asks="'inactive'"
    ),
    "zeros_for_inactive": Table(
        "a.csv", lines({**ID, "IC50 (nM)": [*NM[:6], *[0] * 6]}), asks="'0'"
    ),
    "points_of_thousands": Table(
        "a.csv", lines({**ID, "IC50 (nM)": ["1.234", "12.500", "100"] * 4}, ";"), asks="--decimal"
    ),
    "xlsx_comma_beside_numbers": Table(
        "a.xlsx",
        workbook(
            {"S": rows_of({"Name": NAMES, "SMILES": SMILES, "IC50 (nM)": ["1,234", *NM[1:]]})}
        ),
        asks="--decimal",
    ),
    "xlsx_dates": Table(
        "a.xlsx",
        workbook({"S": book_of("IC50 (nM)", [*NM[:11], date(2024, 2, 1)])}),
        asks="2024-02-01",
    ),
    "two_concentrations": Table(
        "a.csv",
        lines({**ID, "% inh @ 1 uM": PERCENT[::-1], "% inh @ 10 uM": PERCENT}),
        asks="--value-column",
    ),
    "percent_of_control_in_given_unit": Table(
        "a.csv",
        lines({**ID, "% of control": PERCENT}),
        asks="--lower-is-active",
        options={"unit": "%"},
    ),
    "sdf_with_other_smiles": Table(
        "a.sdf", sdf({"SMILES": SMILES[::-1], "pIC50": PX}), asks="--smiles-column"
    ),
    "old_excel": Table("a.xls", b"\xd0\xcf\x11\xe0" + bytes(600), asks=".xlsx"),
    "password": Table(
        "a.xlsx",
        b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        asks="password",
    ),
    "no_workbook": Table("a.xlsx", b"PK\x03\x04" + bytes(600), asks="not a workbook"),
    "potency_in_signs": Table(
        "a.csv", lines({**ID, "Potency": ["+++", "++", "+"] * 4}), asks="--value-column"
    ),
    "label_and_other_target": Table(
        "a.csv",
        lines({**ID, "hERG": words("active", "inactive"), "EGFR IC50 (nM)": NM}),
        asks="--label-column",
    ),
}
