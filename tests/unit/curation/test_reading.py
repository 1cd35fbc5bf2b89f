import logging

from molmeta.curation.reading import assays_and_molecules

ROWS = "CCO,0\nc1ccccc1O,1\nCCN,0\nOc1ccccc1C,1\nCCCl,0\nOc1ccc(Cl)cc1,1\nCCBr,0\nOc1cccc(F)c1,1\n"


def read(tmp_path, text):
    table = tmp_path / "mine.csv"
    table.write_text(f"smiles,active\n{text}")
    return assays_and_molecules([table], None, ("morgan",))


def test_rows_that_are_left_out_are_told_with_place_and_reason(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        read(tmp_path, f"{ROWS}xx,1\nyy,0\n")
    assert "mine.csv: 2 rows left out, first row 10: RDKit or InChI" in caplog.text


def test_nothing_is_told_where_every_row_is_used(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assays, molecules = read(tmp_path, ROWS)
    assert not caplog.records
    assert len(assays[0]) == len(molecules) == 8
