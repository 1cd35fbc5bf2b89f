import pytest

from molmeta.errors import TableError
from molmeta.libraries.files import library_files


@pytest.fixture
def vendor(tmp_path):
    """A vendor's folder of two files, one of them in a subfolder, and a text that is neither."""
    folder = tmp_path / "vendor"
    (folder / "b").mkdir(parents=True)
    for name in ("a.smi.gz", "b/c.CSV.zst", "README", ".hidden.smi"):
        (folder / name).write_text("CCO\n")
    return folder


def names(files, folder):
    return [str(path.relative_to(folder)) for path in files]


def manifest(folder, *lines):
    path = folder.parent / "files.txt"
    path.write_text("\n".join(lines))
    return path


def test_a_folder_is_read_with_its_subfolders_and_without_other_files(vendor):
    assert names(library_files(vendor), vendor) == ["a.smi.gz", "b/c.CSV.zst"]


def test_a_pattern_takes_the_files_that_match_whatever_they_are_called(vendor):
    assert names(library_files(vendor / "*E*"), vendor) == ["README"]
    assert names(library_files(vendor / "**" / "*.zst"), vendor) == ["b/c.CSV.zst"]


def test_a_manifest_lists_files_in_its_own_order(vendor):
    path = manifest(vendor, "# of 2026", "vendor/b/c.CSV.zst", "", "vendor/a.smi.gz")
    assert names(library_files(path), vendor) == ["b/c.CSV.zst", "a.smi.gz"]


def test_a_text_of_smiles_is_a_library_and_not_a_manifest(tmp_path):
    path = tmp_path / "library.smi"
    path.write_text("CCO ethanol\n")
    assert library_files(path) == [path]


def test_a_library_whose_first_line_is_a_path_opens_no_other_file(vendor):
    path = vendor.parent / "downloaded.smi"
    path.write_text("vendor/a.smi.gz\nCCO\n")
    assert library_files(path) == [path]


def test_a_manifest_that_names_a_file_twice_is_refused(vendor):
    path = manifest(vendor, "vendor/a.smi.gz", "vendor/b/../a.smi.gz")
    with pytest.raises(TableError, match=r"line 2: names a file twice.*line 1"):
        library_files(path)


def test_a_manifest_that_names_a_missing_file_is_refused_with_the_closest_name(vendor):
    path = manifest(vendor, "vendor/a.smi.gz", "vendor/b/c.csv.zst")
    with pytest.raises(TableError, match=r"line 2.*does not exist.*Did you mean '.*c.CSV.zst'"):
        library_files(path)


def test_a_manifest_known_by_its_name_may_start_with_a_missing_file(vendor):
    path = vendor.parent / "files.manifest"
    path.write_text("vendor/missing.smi\n")
    with pytest.raises(TableError, match="line 1: names a file that does not exist"):
        library_files(path)


@pytest.mark.parametrize(("name", "message"), [("*.sdf", "no file matches"), ("empty", "no files")])
def test_a_pattern_or_folder_without_files_is_refused(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match=message):
        library_files(tmp_path / name)
