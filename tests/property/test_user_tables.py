"""Random tables of known content are read correctly or asked about, never read wrongly."""

import random

import numpy as np
import pytest
from chemist_tables import INCHI, NAMES, NM, PERCENT, PX, SMILES, UM, lines

from molmeta.curation.measurements import measured
from molmeta.curation.usertables import read_user_table
from molmeta.errors import MolMetaError
from molmeta.molecules.compounds import compounds

KEYS = [item.inchikey for item in compounds(SMILES)]
STRUCTURES = (
    "SMILES", "smiles", "Structure", "canonical_smiles", "Compound Smiles", "Ligand SMILES", "mol",
    "smi", "InChI",
)  # fmt: skip
UNITS = {
    "nM": NM, "uM": UM, "µM": UM, "mM": [u / 1000 for u in UM], "M": [n * 1e-9 for n in NM],
    "nmol/L": NM, "umol/L": UM,
}  # fmt: skip
STYLES = {
    "plain": lambda v: f"{v:.7g}",
    "comma": lambda v: f"{v:.7g}".replace(".", ","),
    "thousands": lambda v: f"{v:,.9f}".rstrip("0").rstrip("."),
    "scientific": lambda v: f"{v:.4E}",
    "error": lambda v: f"{v:.6g} ± {abs(v) / 10:.2g}",
}
NOISE = {
    "ID": NAMES, "Name": NAMES, "MW": [300.25 + i for i in range(12)], "n": [2] * 12,
    "cLogP": [f"{1.5 + i / 10:.2f}" for i in range(12)], "Batch": ["001"] * 12,
    "Date": ["2024-01-02"] * 12, "Hill slope": ["1.1"] * 12, "Salt": ["HCl"] * 12,
    "Murcko SMILES": ["c1ccccc1"] * 12, "R1": ["Me", "Et"] * 6, "Stock": ["yes", "no"] * 6,
    "TPSA": [60 + i for i in range(12)], "Solubility (uM)": UM, "PPB (%)": PERCENT,
    "SD": [0.1] * 12, "Series": ["A", "B"] * 6, "InChIKey": KEYS,
    "Predicted pIC50": PX[::-1],
}  # fmt: skip


def results(draw):
    """Columns of a result, its values on the scale pX or %, and the relation of the last one."""
    target = draw.choice(("", "EGFR ", "hERG_", "Thrombin: "))
    quantity = draw.choice(("IC50", "EC50", "Ki", "Kd", "AC50"))
    style = STYLES[draw.choice(list(STYLES))]
    kind = draw.choice(("concentration", "concentration", "pX", "log", "%"))
    if kind == "pX":
        name = target + draw.choice((f"p{quantity}", f"-log {quantity}"))
        return {name: [style(p) for p in PX]}, PX, "="
    if kind == "log":
        return {f"{target}log {quantity} (M)": [style(-p) for p in PX]}, PX, "="
    if kind == "%":
        name = target + draw.choice(("% inhibition", "% inh @ 10 uM", "Inhibition (%)"))
        return {name: [style(p) for p in PERCENT]}, PERCENT, "="
    return concentrations(draw, target + quantity, style)


def concentrations(draw, name, style):
    unit = draw.choice(list(UNITS))
    cells = [style(value) for value in UNITS[unit]]
    columns = {}
    place = draw.choice(("name", "cell", "column", "nowhere"))
    if place == "cell":
        cells = [cell + draw.choice((" ", "")) + unit for cell in cells]
    if place == "column":
        columns[draw.choice(("Unit", "Units", f"{name} units"))] = [unit] * 12
    bound = draw.choice(("=", "cell", "column"))
    if bound == "cell":
        cells[-1] = f">{cells[-1]}"
    if bound == "column":
        columns[draw.choice(("Relation", "Qualifier", f"{name} mod"))] = ["="] * 11 + [">"]
    ending = draw.choice((f" {unit}", f"_{unit}", f" ({unit})", f"[{unit}]"))
    full = name + ending if place == "name" else name
    return {full: cells, **columns}, PX, "=" if bound == "=" else "<"


def table(draw):
    """Text of a table, and what is expected of it."""
    columns, values, relation = results(draw)
    structure = draw.choice(STRUCTURES)
    columns[structure] = INCHI if structure == "InChI" else SMILES
    columns |= {name: NOISE[name] for name in draw.sample(sorted(NOISE), draw.randint(0, 6))}
    order = list(columns)
    draw.shuffle(order)
    separator = draw.choice((",", ";", "\t"))
    head = draw.choice(("", "Project X\n\n", "# comment, a; b\n"))
    tail = draw.choice(("", "\n\n", "* mean of three\n"))
    ordered = {name: columns[name] for name in order}
    return lines(ordered, separator, head, tail, quote=separator != "\t"), values, relation


@pytest.mark.parametrize("seed", range(60))
def test_a_random_table_is_never_read_wrongly(seed, tmp_path):
    text, values, relation = table(random.Random(seed))
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    try:
        rows = read_user_table(path).rows
    except MolMetaError:
        return
    found = measured(rows).query("reason == ''")
    key_of = [getattr(item, "inchikey", "") for item in compounds(list(found["smiles"]))]
    value_of = dict(zip(key_of, found["value"], strict=True))
    assert [value_of.get(key, np.nan) for key in KEYS] == pytest.approx(values, abs=0.02)
    assert dict(zip(key_of, found["relation"], strict=True))[KEYS[-1]] == relation


def test_most_random_tables_are_read_without_a_question(tmp_path):
    path, asked = tmp_path / "a.csv", 0
    for seed in range(60):
        path.write_text(table(random.Random(seed))[0], encoding="utf-8")
        try:
            read_user_table(path)
        except MolMetaError:
            asked += 1
    assert asked < 12
