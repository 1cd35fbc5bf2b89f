import bz2
import gzip
import io
import lzma
import sys
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest
from paths import SHARED
from pyarrow import parquet as pq
from rdkit import Chem

from molmeta.errors import TableError
from molmeta.libraries import reading
from molmeta.libraries.lines import MAX_LINE, Record, numbered
from molmeta.libraries.reading import STDIN, read_library

TWO = [Record(1, "1", "CCO"), Record(2, "2", "CCN")]
NAMED = [("a", "CCO"), ("b", "CCN")]


def records(path):
    return [record for part in read_library(path) for record in part]


def named(path):
    return [(record.id, record.smiles) for record in records(path)]


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sd_block(name, smiles):
    mol = Chem.MolFromSmiles(smiles)
    mol.SetProp("_Name", name)
    return Chem.MolToMolBlock(mol)


def read_until_it_breaks(path):
    kept, message = [], ""
    try:
        for part in read_library(path):
            kept += part
    except TableError as error:
        message = str(error)
    return kept, message


def test_smiles_lines_without_a_name_are_named_by_their_line(tmp_path):
    assert records(written(tmp_path, "l.smi", "CCO\nCCN\n")) == TWO


@pytest.mark.parametrize(
    "text",
    [
        "CCO a\nCCN b\n",
        "CCO\ta\textra\nCCN\tb\textra\n",
        "CCO,a\nCCN,b\n",
        "CCO a\nCCN;b\n",
        '"CCO","a"\n"CCN","b"\n',
        "smiles a_name\nCCO a\nCCN b\n",
        "#SMILES\tID\nCCO\ta\nCCN\tb\n",
        "id,price,canonical_smiles\na,3,CCO\nb,4,CCN\n",
        'smiles;name\n"CCO";"a"\nCCN;b\n',
        "smiles,name\nCCO,a\nCCN\tb\n",
        "CCO |$;;A$| a\nCCN b\n",
        "\ufeffsmiles,name\r\nCCO,a\r\n\r\nCCN,b\r\n",
    ],
)
def test_separators_headers_and_line_ends_are_detected(tmp_path, text):
    assert named(written(tmp_path, "l.smi", text)) == NAMED


def test_the_name_of_a_file_does_not_decide_what_it_holds(tmp_path):
    path = written(tmp_path, "l.dat", gzip.compress(b"smiles,name\nCCO,a\nCCN,b\n"))
    assert named(path) == NAMED


def test_a_name_after_a_blank_keeps_its_commas(tmp_path):
    assert named(written(tmp_path, "l.smi", "OCCO ethane-1,2-diol\n")) == [
        ("ethane-1,2-diol", "OCCO")
    ]


def test_utf16_is_read(tmp_path):
    path = written(tmp_path, "l.csv", "smiles,name\nCCO,a\nCCN,b\n".encode("utf-16"))
    assert named(path) == NAMED


def test_latin1_names_survive(tmp_path):
    path = written(tmp_path, "l.smi", "CCO caf\xe9\n".encode("latin-1"))
    assert named(path) == [("caf\xe9", "CCO")]


def test_line_numbers_count_blank_lines_and_headers(tmp_path):
    path = written(tmp_path, "l.csv", "smiles\n\nCCO\n  \nCCN\n")
    assert [record.line for record in records(path)] == [3, 5]


def test_a_quoted_field_may_span_lines(tmp_path):
    path = written(tmp_path, "l.csv", 'smiles,name,note\nCCO,a,"one\ntwo"\nCCN,b,x\n')
    assert named(path) == NAMED


def test_a_quote_that_is_never_closed_spoils_one_row(tmp_path):
    rows = "".join(f"CCN,x{i}\n" for i in range(200))
    found = records(written(tmp_path, "l.csv", f'smiles,name\nCCO,"a\n{rows}'))
    assert [bool(record.reason) for record in found] == [True] + [False] * 200


@pytest.mark.parametrize("row", ["C\0C a", "C" * 10**6, ",a"])
def test_an_unusable_line_is_a_record_with_a_reason(tmp_path, row):
    first, second = records(written(tmp_path, "l.smi", f"{row}\nCCN b\n"))
    assert first.reason
    assert second == Record(2, "b", "CCN")


def test_a_csv_row_without_smiles_says_which_field(tmp_path):
    _, short = records(written(tmp_path, "l.csv", "name,smiles\na,CCO\nb,\n"))
    assert short.reason == "no SMILES in field 2 of 2"


def test_no_line_is_kept_longer_than_the_limit(tmp_path):
    record = records(written(tmp_path, "l.smi", "C" * (3 * MAX_LINE)))[0]
    assert len(record.smiles) <= 200


def test_sdf_gives_title_smiles_and_line(tmp_path):
    first = sd_block("a", "CCO") + "$$$$\n"
    path = written(tmp_path, "l.sdf", first + sd_block("b", "CCN") + "$$$$\n")
    assert records(path) == [Record(1, "a", "CCO"), Record(first.count("\n") + 1, "b", "CCN")]


def test_sdf_without_titles_takes_the_name_from_a_property(tmp_path):
    path = written(tmp_path, "l.sdf", sd_block("", "CCO") + "> <Catalog ID>\nZ17\n\n$$$$\n")
    assert named(path) == [("Z17", "CCO")]


def test_a_damaged_sdf_record_leaves_the_next_one_whole(tmp_path):
    broken = sd_block("a", "CCO").replace(" C ", " Q?")
    path = written(tmp_path, "l.sdf", broken + "$$$$\n" + sd_block("b", "CCN") + "$$$$\n")
    first, second = records(path)
    assert (first.reason, second.smiles) == ("not a molecule that RDKit can read", "CCN")


def test_sdf_is_known_by_its_content(tmp_path):
    path = written(tmp_path, "l.gz", gzip.compress((sd_block("a", "CCO") + "$$$$\n").encode()))
    assert named(path) == [("a", "CCO")]


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_is_read_by_columns(tmp_path, packed):
    path = tmp_path / "l.parquet"
    pd.DataFrame({"x": [1, 2], "SMILES": ["CCO", "CCN"], "id": ["a", "b"]}).to_parquet(path)
    if packed:
        path = written(tmp_path, "l.parquet.gz", gzip.compress(path.read_bytes()))
    assert named(path) == NAMED


def test_an_empty_cell_of_parquet_is_a_record_with_a_reason(tmp_path):
    path = tmp_path / "l.parquet"
    pd.DataFrame({"smiles": ["CCO", None]}).to_parquet(path)
    assert [record.reason for record in records(path)] == ["", "no SMILES in this row"]


@pytest.mark.parametrize(
    "content",
    [b"CCO a\nCCN b\n", gzip.compress(b"CCO a\nCCN b\n", mtime=0)],
    ids=["plain", "gzipped"],
)
def test_standard_input_is_a_library(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert named(STDIN) == NAMED


def test_standard_input_stays_open(monkeypatch):
    buffer = io.BytesIO(b"CCO\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    records(STDIN)
    assert not buffer.closed


def test_chunks_have_the_requested_size(tmp_path):
    path = written(tmp_path, "l.smi", "C\n" * 7)
    assert [len(part) for part in read_library(path, chunk=3)] == [3, 3, 1]


def test_a_truncated_gzip_gives_what_was_read_and_says_where_it_broke(tmp_path):
    lines = [f"{'C' * (1 + i * 7919 % 97)} name{i * 104729 % 99991}" for i in range(20_000)]
    packed = gzip.compress("\n".join(lines).encode())
    kept, message = read_until_it_breaks(written(tmp_path, "l.smi.gz", packed[: len(packed) // 2]))
    assert [f"{record.smiles} {record.id}" for record in kept] == lines[: len(kept)]
    assert 8_000 < len(kept) < 12_000
    assert f"breaks off after line {len(kept)}" in message


def test_a_gzip_with_a_wrong_checksum_gives_all_lines_and_an_error(tmp_path):
    packed = bytearray(gzip.compress(b"CCO\nCCN\n"))
    packed[-8] ^= 1
    kept, message = read_until_it_breaks(written(tmp_path, "l.smi.gz", bytes(packed)))
    assert (kept, "breaks off after line 2" in message) == (TWO, True)


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = written(tmp_path, "l.parquet", b"PAR1" + b"\0" * 100)
    with pytest.raises(TableError, match="is not a complete Parquet file"):
        records(path)


@pytest.mark.parametrize("content", ["", "\n\n", "smiles,name\n"])
def test_a_library_without_compounds_is_refused(tmp_path, content):
    with pytest.raises(TableError, match="has no compounds"):
        records(written(tmp_path, "l.csv", content))


def test_a_csv_without_a_smiles_column_names_its_columns(tmp_path):
    with pytest.raises(TableError, match=r"no SMILES column; got \['name', 'price'\]"):
        records(written(tmp_path, "l.csv", "name,price\na,3\n"))


def test_a_csv_without_a_header_is_read_as_smiles_lines(tmp_path):
    assert named(written(tmp_path, "l.csv", "CCO,a\nCCN,b\n")) == NAMED


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(TableError, match="directory"):
        records(tmp_path)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(TableError, match="No such file"):
        records(tmp_path / "absent.smi")


def test_a_library_is_read_as_its_chunks_are_taken(tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(
        reading, "numbered", lambda text: (taken.append(1) or line for line in numbered(text))
    )
    path = written(tmp_path, "l.smi.gz", gzip.compress(b"CCO name\n" * 30_000))
    next(read_library(path, chunk=10))
    assert len(taken) < 20


def test_a_parquet_cell_that_is_not_utf8_spoils_its_row_only(tmp_path):
    texts = pa.array([b"CCO", b"\xff\xfe", None, b"CCN"], pa.binary()).view(pa.string())
    names = pa.array([b"a", b"b", b"c", b"\xff"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"smiles": texts, "name": names}), tmp_path / "l.parquet")
    read = records(tmp_path / "l.parquet")
    assert [bool(record.reason) for record in read] == [False, True, True, False]
    assert [record.id for record in read] == ["a", "b", "c", "4"]


@pytest.mark.shared
def test_every_line_of_a_vendor_library_is_a_record():
    folder = SHARED / "library"
    if not folder.is_dir():
        pytest.skip(f"development data is absent: {folder}")
    found = named(folder / "repurposing_hub_20200324.csv.gz")
    assert found[0] == ("(R)-(-)-apomorphine", "CN1CCc2cccc-3c2[C@H]1Cc1ccc(O)c(O)c-31")


COMPRESSIONS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_compression_is_recognised_whatever_the_name_says(tmp_path, compress):
    joined = compress(b"CCO a\n") + compress(b"CCN b\n")
    assert named(written(tmp_path, "l.smi", joined)) == NAMED


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_compressed_file_that_is_truncated_is_read_up_to_the_break(tmp_path, compress):
    lines = b"".join(b"CCO x%d\n" % n**3 for n in range(150_000))
    whole = compress(lines)
    kept, message = read_until_it_breaks(written(tmp_path, "l.smi", whole[: len(whole) // 2]))
    assert "breaks off" in message
    assert kept == records(written(tmp_path, "whole.smi", lines))[: len(kept)]
    # bzip2 keeps a block of 900 kB back until it is complete.
    assert len(kept) > 1_000


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_compressed_parquet_file_is_read(tmp_path, compress):
    sink = io.BytesIO()
    pd.DataFrame({"smiles": ["CCO", "CCN"], "id": ["a", "b"]}).to_parquet(sink)
    assert named(written(tmp_path, "l.parquet", compress(sink.getvalue()))) == NAMED


def test_the_column_of_names_can_be_chosen(tmp_path):
    path = written(tmp_path, "l.csv", "smiles,id,catalog\nCCO,1,a\nCCN,2,b\n")
    assert [r.id for part in read_library(path, id_column="Catalog") for r in part] == ["a", "b"]
    with pytest.raises(TableError, match=r"no column 'catalogue'.*Did you mean 'catalog'"):
        list(read_library(path, id_column="catalogue"))


def test_a_column_of_names_needs_a_header(tmp_path):
    with pytest.raises(TableError, match="has no SMILES column"):
        list(read_library(written(tmp_path, "l.smi", "CCO a\n"), id_column="id"))


def test_the_property_with_the_names_of_an_sdf_can_be_chosen(tmp_path):
    blocks = f"{sd_block('t', 'CCO')}> <id>\n1\n\n> <Catalog>\na\n\n$$$$\n"
    path = written(tmp_path, "l.sdf", blocks)
    assert [r.id for part in read_library(path, id_column="catalog") for r in part] == ["a"]
