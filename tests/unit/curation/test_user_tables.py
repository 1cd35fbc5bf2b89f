"""Tables as chemists have them are read correctly, or answered with the option that decides."""

import pytest
from chemist_tables import ASKED, READ, SMILES

from molmeta.curation.measurements import measured
from molmeta.curation.tableoptions import TableOptions
from molmeta.curation.usertables import read_user_table
from molmeta.errors import MolMetaError
from molmeta.molecules.compounds import Compound, compounds

KEYS = [item.inchikey for item in compounds(SMILES)]


def results(rows, column):
    """The usable result of each compound, in the order of `SMILES`; None where there is none."""
    judged = measured(rows)
    judged = judged[judged["reason"].eq("") & judged[column].notna()]
    parsed = compounds(list(judged["smiles"]))
    keys = [item.inchikey if isinstance(item, Compound) else "" for item in parsed]
    found = dict(zip(keys, judged[column], strict=True))
    assert set(found) - {""} <= set(KEYS)
    return [found.get(key) for key in KEYS]


def read(table, folder):
    return read_user_table(table.save(folder), TableOptions(**table.options))


@pytest.mark.parametrize("table", READ.values(), ids=READ)
def test_every_compound_gets_its_own_result(table, tmp_path):
    found = read(table, tmp_path)
    column, expected = ("value", table.values) if table.values else ("active", table.labels)
    assert results(found.rows, column) == pytest.approx(expected, abs=2e-3)
    assert table.columns.items() <= dict(found.columns).items()


@pytest.mark.parametrize("table", ASKED.values(), ids=ASKED)
def test_an_unclear_table_gets_a_question_in_one_line(table, tmp_path):
    with pytest.raises(MolMetaError) as caught:
        read(table, tmp_path)
    message = str(caught.value)
    assert table.asks in message
    assert "\n" not in message
    assert message.startswith(f"{tmp_path / table.file}: ")
