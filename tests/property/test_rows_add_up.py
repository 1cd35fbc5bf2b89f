"""No row of any table is lost: kept, merged and dropped rows add up to those read."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from molmeta.curation.curate import Rules, curate

SMILES = st.sampled_from(["C", "CC", "OCC", "CCO", "CCN", "c1ccccc1", "Q", "", "CC(=O)[O-].[Na+]"])
VALUE = st.sampled_from(["1", "30", "1000", ">10000", "<5", "0", "-1", "nan", "inf", "x", ""])
UNIT = st.sampled_from(["nM", "uM", "pIC50", "%", "mg", ""])
RELATION = st.sampled_from(["", "=", "<", ">", "~", "?"])
ASSAY = st.sampled_from(["a", "b", ""])
ROW = st.tuples(ASSAY, SMILES, VALUE, UNIT, RELATION)
LABEL = st.sampled_from(["0", "1", "1.0", "", "2"])
RULES = Rules(min_compounds=2, min_class=1)


def table(rows):
    columns = ["assay", "smiles", "value", "unit", "relation"]
    frame = pd.DataFrame(rows, columns=columns, dtype="str")
    return frame.assign(row=range(1, len(rows) + 1), target="", cluster="")


def check(rows):
    curated = curate(rows, rules=RULES)
    assays = curated.assays
    parts = assays["n_dropped"] + assays["n_merged"] + assays["n_compounds"]
    assert list(parts) == list(assays["n_read"])
    merged = assays.loc[assays["status"].eq("ok"), "n_merged"].sum()
    assert len(curated.kept) + len(curated.dropped) + merged == len(rows)
    assert not curated.kept.duplicated(["assay", "inchikey"]).any()
    assert curated.kept["active"].isin([0, 1]).all()
    assert curated.dropped["reason"].ne("").all()


@settings(deadline=None, max_examples=25)
@given(st.lists(ROW, min_size=1, max_size=30))
def test_rows_with_values_add_up(rows):
    check(table(rows))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(ROW, LABEL), min_size=1, max_size=30))
def test_rows_with_labels_add_up(rows):
    cells, labels = zip(*rows, strict=True)
    check(table(list(cells)).assign(active=pd.Series(labels, dtype="str")))
