"""The page on tables names what a user can decide."""

import re

import openpyxl
import pandas as pd
import pytest
from paths import ROOT

from molmeta.cli import main
from molmeta.cli._options import TABLE

PAGE = (ROOT / "docs/tables.md").read_text()


@pytest.mark.parametrize("option", TABLE)
def test_every_option_of_a_table_is_on_the_page(option):
    assert f"--{option.replace('_', '-')}" in PAGE


def test_every_option_on_the_page_exists():
    named = set(re.findall(r"--([a-z][a-z-]+)", PAGE.split("## Questions")[1]))
    known = {name.replace("_", "-") for name in TABLE} | {"assay", "lower-is-active"}
    assert named - known == set()


def export(path):
    """A workbook with titles above its header and a result in words."""
    assay = pd.read_csv(ROOT / "data/assays/test/CHEMBL204_Ki.csv").head(24)
    sheet = (book := openpyxl.Workbook()).active
    sheet.append(["Thrombin, chromogenic assay"])
    sheet.append(["Exported 2026-03-02"])
    sheet.append([])
    sheet.append(["Compound", "Structure", "Mod", "Ki (nM)", "cLogP"])
    for number, (smiles, value) in enumerate(zip(assay["smiles"], assay["value"], strict=True)):
        ki = "not soluble" if number == 14 else value
        sheet.append([f"CPD-{number + 101}", smiles, "=", ki, round(1 + number / 10, 1)])
    book.save(path)


def test_the_example_is_what_inspect_prints(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    export("export.xlsx")
    monkeypatch.setattr("sys.argv", ["molmeta", "inspect", "export.xlsx"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    lines = [line.rstrip() for line in capsys.readouterr().out.strip().splitlines()]
    assert "\n".join(lines) in PAGE
