from __future__ import annotations

import csv
import gzip
import itertools

import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from typer.testing import CliRunner

from molmeta import cli
from molmeta.api.suggest import ACTIVES_ALONE
from molmeta.campaigns.platefiles import write_plate
from molmeta.campaigns.plates import Control, placed, read_controls, wells
from molmeta.campaigns.suggest import COLUMNS, PlatePlan
from molmeta.errors import ConfigError, MoleculeError, TableError
from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.models.named import baseline
from molmeta.screening.hits import Support

SUPPORT = Support(
    ["c1ccccc1O", "Cc1ccccc1O", "CCc1ccccc1N", "CCO", "CCCCN", "CC(=O)OC"], [1, 1, 1, 0, 0, 0]
)
TAILS = ("C", "CC", "CO", "FC", "NCC", "ClCC", "CCC", "BrC", "OCC")
RINGS = (
    "c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1", "C1CCNCC1", "c1ccoc1", "C1COCCN1", "c1cnccn1",
)  # fmt: skip
LIBRARY = [tail + ring for tail in TAILS for ring in RINGS]
PLAN = PlatePlan(wells=24, max_similarity=1.0)


@pytest.fixture(scope="module")
def predictor():
    return baseline("tanimoto_gp").adapt(SUPPORT.smiles, SUPPORT.active)


@pytest.fixture
def run(predictor, tmp_path):
    """Give a function that suggests from SMILES and returns what was done and the rows."""

    def done(smiles=LIBRARY, plan=PLAN, **options):
        library, output = tmp_path / "library.smi", tmp_path / "plate.csv"
        text = "".join(f"{one} n{place}\n" for place, one in enumerate(smiles))
        library.write_text(text)
        plate = write_plate(predictor, SUPPORT, library, output=output, plan=plan, **options)
        return plate.counts, rows(output)

    return done


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def similarities(smiles):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]
    return [DataStructs.TanimotoSimilarity(*pair) for pair in itertools.combinations(prints, 2)]


def test_the_columns_are_the_published_ones(run):
    assert tuple(run()[1][0]) == COLUMNS


def test_every_well_is_filled_once_in_the_order_of_the_plate(run):
    assert [row["well"] for row in run()[1]] == wells(24)


def test_hits_are_the_best_of_the_library_by_the_acquisition_function(run, predictor):
    plan = PlatePlan(wells=24, acquisition="greedy", explore=0, max_similarity=1.0)
    chances = predictor.predict(LIBRARY)
    expected = sorted(chances, reverse=True)[:24]
    found = [float(row["probability"]) for row in run(plan=plan)[1]]
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_small_pool_gives_the_same_hits_as_a_large_one(run):
    plans = [
        PlatePlan(wells=24, acquisition="greedy", explore=0, max_similarity=1.0, pool=n)
        for n in (24, 1000)
    ]
    assert run(plan=plans[0])[1] == run(plan=plans[1])[1]


def test_a_share_of_the_wells_explores(run):
    done, found = run(plan=PlatePlan(wells=24, explore=0.25, max_similarity=1.0))
    roles = [row["role"] for row in found]
    assert (roles.count("hit"), roles.count("explore")) == (18, 6) == (done.n_hits, done.n_explore)


def test_exploration_takes_what_is_most_uncertain_of_the_rest(run):
    plan = PlatePlan(wells=24, acquisition="greedy", explore=0.25, max_similarity=1.0)
    found = run(plan=plan)[1]
    everything = run(plan=PlatePlan(wells=1536, max_similarity=1.0))[1]
    hits = {row["compound"] for row in found if row["role"] == "hit"}
    rest = [float(row["uncertainty"]) for row in everything if row["compound"] not in hits]
    chosen = [float(row["uncertainty"]) for row in found if row["role"] == "explore"]
    assert chosen == pytest.approx(sorted(rest, reverse=True)[:6])


def test_no_two_compounds_of_a_plate_are_above_the_cap(run):
    done, found = run(plan=PlatePlan(wells=24, max_similarity=0.3))
    assert max(similarities([row["smiles"] for row in found])) <= 0.3
    assert done.n_empty == 24 - len(found)


def test_empty_wells_are_told(run, caplog):
    run(plan=PlatePlan(wells=24, max_similarity=0.1))
    assert "wells stay empty" in caplog.text


def test_a_compound_in_the_library_twice_gets_one_well(run):
    found = run(["CCc1ccccc1", "c1ccccc1CC", "C(C)c1ccccc1", "Cc1ccccc1"])[1]
    assert sorted(row["compound"] for row in found) == ["n0", "n3"]


def test_what_is_measured_is_not_suggested_however_it_is_drawn(run):
    done, found = run(["Oc1ccccc1", "OCC", "[Na+].[O-]c1ccccc1", "CCc1ccccc1"])
    assert [row["compound"] for row in found] == ["n3"]
    assert done.n_known == 3


def test_what_is_excluded_is_not_suggested(run):
    plan = PlatePlan(wells=24, max_similarity=1.0, exclude=("c1ccccc1CC", "nonsense"))
    found = run(["CCc1ccccc1", "Cc1ccccc1"], plan=plan)[1]
    assert [row["compound"] for row in found] == ["n1"]


def test_controls_keep_their_wells_and_are_not_suggested(run):
    controls = (Control("B3", "reference", "Cc1ccccc1"), Control("", "blank", "CS(C)=O"))
    done, found = run(plan=PlatePlan(wells=24, max_similarity=1.0, controls=controls))
    fixed = {row["well"]: row["compound"] for row in found if row["role"] == "control"}
    assert fixed == {"B3": "reference", "D6": "blank"}
    assert [row["smiles"] for row in found].count("Cc1ccccc1") == 1
    assert (len(found), done.n_controls) == (24, 2)


def test_a_control_that_is_no_molecule_is_refused(run):
    with pytest.raises(MoleculeError):
        run(plan=PlatePlan(wells=24, controls=(Control("", "x", "nonsense"),)))


def test_nearest_active_is_the_most_similar_one(run):
    row = run(["CCc1ccccc1O"])[1][0]
    assert row["nearest_active"] in {"Cc1ccccc1O", "CCc1ccccc1N"}
    expected = max(similarities([row["smiles"], text])[0] for text in SUPPORT.smiles[:3])
    assert float(row["nearest_active_similarity"]) == pytest.approx(expected, abs=1e-4)


def test_the_same_seed_gives_the_same_plate(run):
    plans = [PlatePlan(wells=24, acquisition="thompson", seed=seed) for seed in (1, 1, 2)]
    first, again, other = [run(plan=plan)[1] for plan in plans]
    assert first == again != other


def test_invalid_lines_stand_in_the_side_table(run, tmp_path):
    done, _ = run(["CCCO", "nonsense", "CCc1ccccc1"])
    side = rows(tmp_path / "plate.invalid.csv")
    assert ([row["line"] for row in side], done.n_invalid, done.n_read) == (["2"], 1, 3)


def test_a_library_of_nothing_usable_is_refused_unless_it_is_forced(run):
    with pytest.raises(TableError, match="--force"):
        run(["nonsense"])
    done, found = run(["nonsense"], plan=PlatePlan(wells=24, force=True))
    assert (found, done.n_empty) == ([], 24)


def test_a_truncated_library_fills_the_plate_before_the_error(predictor, tmp_path):
    text = "".join(f"{'C' * (1 + i * 7919 % 97)}O n{i}\n" for i in range(4_000))
    packed = gzip.compress(text.encode())
    library, output = tmp_path / "library.smi.gz", tmp_path / "plate.csv"
    library.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(TableError, match="breaks off after line"):
        write_plate(predictor, SUPPORT, library, output=output, plan=PLAN)
    assert len(rows(output)) == 24


@pytest.mark.parametrize("acquisition", ["ucb", "thompson"])
def test_a_featurized_library_gives_the_same_plate(predictor, tmp_path, acquisition):
    lines = [*LIBRARY, "nonsense", *("C" * (1 + n % 40) + "O" for n in range(2_000)), "FCCCF"]
    library, featurized = tmp_path / "library.smi", tmp_path / "library.safetensors"
    library.write_text("\n".join(f"{one} n{place}" for place, one in enumerate(lines)))
    featurize_library(library, featurized, FeaturizePlan(("graph", "morgan")))
    plan, found = PlatePlan(wells=96, acquisition=acquisition), []
    for path in (library, featurized):
        output = tmp_path / path.suffix[1:] / "plate.csv"
        done = write_plate(predictor, SUPPORT, path, output=output, plan=plan).counts
        side = output.with_suffix(".invalid.csv")
        found.append((done, output.read_bytes(), side.read_bytes()))
    assert found[0] == found[1]
    assert (done.n_read, done.n_invalid) == (len(lines), 1)


def test_a_featurized_library_without_fingerprints_is_refused(predictor, tmp_path):
    library, featurized = tmp_path / "library.smi", tmp_path / "library.safetensors"
    library.write_text("CCO")
    featurize_library(library, featurized, FeaturizePlan(("graph",)))
    with pytest.raises(ConfigError, match="--featurizer morgan"):
        write_plate(predictor, SUPPORT, featurized, output=tmp_path / "plate.csv", plan=PLAN)


def test_a_featurized_library_that_broke_off_fills_the_plate_before_the_error(predictor, tmp_path):
    packed = gzip.compress(
        "".join(f"{'C' * (1 + i * 7919 % 97)}O\n" for i in range(4_000)).encode()
    )
    library, featurized = tmp_path / "library.smi.gz", tmp_path / "library.safetensors"
    library.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(TableError):
        featurize_library(library, featurized, FeaturizePlan(("morgan",)))
    output = tmp_path / "plate.csv"
    with pytest.raises(TableError, match="breaks off after line"):
        write_plate(predictor, SUPPORT, featurized, output=output, plan=PLAN)
    assert len(rows(output)) == 24


def test_a_library_is_never_its_own_output(predictor, tmp_path):
    library = tmp_path / "library.csv"
    library.write_text("smiles\nCCO\n")
    with pytest.raises(ConfigError, match="would be replaced"):
        write_plate(predictor, SUPPORT, library, output=library, plan=PLAN)


def test_formulas_in_names_do_not_reach_the_table(predictor, tmp_path):
    library, output = tmp_path / "library.smi", tmp_path / "plate.csv"
    library.write_text('CCCO =HYPERLINK("x")\n')
    write_plate(predictor, SUPPORT, library, output=output, plan=PLAN)
    assert rows(output)[0]["compound"].startswith("'=")


@pytest.mark.parametrize(
    "wrong",
    [
        {"explore": 1.5}, {"max_similarity": 0}, {"pool": 10}, {"wells": 95},
        {"acquisition": "best"}, {"controls": (Control("Z9", "", "C"),)},
        {"controls": (Control("A1", "", "C"),) * 2},
        {"controls": tuple(Control("", "", "C") for _ in range(96))},
    ],
    ids=str,
)  # fmt: skip
def test_a_plan_that_cannot_be_carried_out_is_refused(wrong):
    with pytest.raises(ConfigError):
        PlatePlan(**wrong)


@pytest.mark.parametrize(("plate", "last"), [(24, "D6"), (96, "H12"), (384, "P24")])
def test_wells_go_row_by_row_to_the_last(plate, last):
    names = wells(plate)
    assert (names[0], names[-1], len(set(names))) == ("A1", last, plate)


def test_wells_of_controls_may_be_written_with_zeros_and_small_letters(tmp_path):
    path = tmp_path / "controls.csv"
    path.write_text("well,compound,smiles\na01,x,CCO\n,y,CC\n")
    assert list(placed(read_controls(path), 96)) == ["A1", "H12"]
    path.write_text("well,compound,smiles\naa010,x,CCO\n")
    assert list(placed(read_controls(path), 1536)) == ["AA10"]


@pytest.mark.parametrize("text", ["well,compound\nA1,x\n", "well,smiles\nA1,\n", ""])
def test_controls_without_smiles_are_refused(tmp_path, text):
    path = tmp_path / "controls.csv"
    path.write_text(text)
    with pytest.raises(TableError, match="a SMILES is missing"):
        read_controls(path)


def test_controls_that_are_no_file_are_refused(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        read_controls(tmp_path)


def test_the_command_fills_a_plate(tmp_path):
    known = [(text, active) for text, active in zip(*SUPPORT, strict=True)] + [
        ("CCCO", 0), ("Nc1ccccc1", 1), ("COC", 0)
    ]  # fmt: skip
    (tmp_path / "known.csv").write_text(
        "smiles,active\n" + "".join(f"{text},{active}\n" for text, active in known)
    )
    (tmp_path / "library.smi").write_text("\n".join(LIBRARY))
    (tmp_path / "controls.csv").write_text("well,compound,smiles\nA1,blank,CS(C)=O\n")
    (tmp_path / "tested.smi").write_text("\n".join(LIBRARY[:10]))
    words = (
        f"suggest --support {tmp_path}/known.csv --library {tmp_path}/library.smi --wells 24"
        f" --model tanimoto_gp --controls {tmp_path}/controls.csv --exclude {tmp_path}/tested.smi"
        f" --output {tmp_path}/plate.csv"
    )
    done = CliRunner().invoke(cli.build(), words.split(), prog_name="molmeta")
    assert done.exit_code == 0, done.output
    found = rows(tmp_path / "plate.csv")
    assert (found[0]["role"], found[0]["compound"]) == ("control", "blank")
    assert not {row["smiles"] for row in found} & set(LIBRARY[:10])


@pytest.fixture
def ask_with_actives_alone(tmp_path):
    """Give a function that runs the command on actives alone and returns its outcome."""
    actives = "".join(f"{text},1\n" for text in ("Oc1ccccc1CC", "Oc1ccccc1CCC", "Oc1ccccc1C"))
    (tmp_path / "known.csv").write_text("smiles,active\n" + actives)
    (tmp_path / "library.smi").write_text("\n".join(["CCCCCC", "CCOCC", "Oc1ccccc1CCCC", "CC#N"]))

    def done(*more):
        words = (
            f"suggest --support {tmp_path}/known.csv --library {tmp_path}/library.smi --wells 24"
            f" --acquisition greedy --explore 0 --output {tmp_path}/plate.csv"
        )
        return CliRunner().invoke(cli.build(), [*words.split(), *more], prog_name="molmeta")

    return done


def test_the_pretrained_model_fills_a_plate_from_actives_alone(ask_with_actives_alone, tmp_path):
    done = ask_with_actives_alone()
    assert done.exit_code == 0, done.output
    assert ACTIVES_ALONE in done.output
    assert rows(tmp_path / "plate.csv")[0]["smiles"] == "Oc1ccccc1CCCC"


def test_a_model_that_needs_inactives_refuses_actives_alone(ask_with_actives_alone, tmp_path):
    done = ask_with_actives_alone("--model", "logistic_regression")
    assert isinstance(done.exception, TableError)
    assert "got 3 actives" in str(done.exception)
    assert not (tmp_path / "plate.csv").exists()


def test_the_command_draws_the_support_that_a_screen_of_the_same_seed_draws(tmp_path):
    table, library = tmp_path / "known.csv", tmp_path / "library.smi"
    pairs = [f"C{'C' * n}O,{n % 2}" for n in range(12)]
    table.write_text("\n".join(["smiles,active", *pairs]))
    library.write_text("\n".join(f"C{'C' * n}O" for n in range(12)))
    words = f"--support {table} --library {library} --model tanimoto_gp --size 8 --seed 3"
    for verb, more in (
        ("suggest", "--wells 24 --max-similarity 1"),
        ("screen", "--exclude-support"),
    ):
        line = f"{verb} {words} {more} --output {tmp_path}/{verb}.csv"
        done = CliRunner().invoke(cli.build(), line.split(), prog_name="molmeta")
        assert done.exit_code == 0, done.output
    plate, hits = (rows(tmp_path / f"{verb}.csv") for verb in ("suggest", "screen"))
    assert len(plate) == 4
    assert {row["smiles"] for row in plate} == {row["smiles"] for row in hits}
