"""Measures time and memory against the number of assays, of compounds and of a support.

`OMP_NUM_THREADS=1 python benchmarks/scaling.py` prints a table and writes the picture of
docs/scale.md. Each size runs in a process of its own. Time is that of its core, and memory is its
peak above that of the process before the work. Exponents are fitted to the upper half of the sizes,
where constant costs weigh least. `--most N` leaves out larger sizes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd
import torch
from rates import NCI, repeat

from molmeta.assays.assay import Assay
from molmeta.evaluation.evaluate import EvaluationPlan, evaluate
from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.reading import read_library
from molmeta.models.named import named
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.compounds import parses
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize
from molmeta.screening.hits import Support
from molmeta.screening.plan import ScreenPlan
from molmeta.screening.screen import screen_to_files

if TYPE_CHECKING:
    from collections.abc import Callable

_alt: Any = alt
PICTURE = Path(__file__).parents[1] / "docs" / "assets" / "scaling.svg"
ASSAYS = (10, 32, 100, 316, 1000)
COMPOUNDS = (10_000, 50_000, 200_000, 1_000_000)
SUPPORTS = (16, 64, 256, 1000, 2000, 5000)
MEASURED = 96
"""Compounds of each assay."""


def main() -> None:
    """Print the table and write the picture."""
    options = _options()
    torch.set_num_threads(1)
    texts = [record.smiles for chunk in read_library(NCI) for record in chunk]
    smiles = [text for text in texts if parses(text)]
    smiles = (smiles * (1 + 5000 // len(smiles)))[:5000]
    rows: list[dict[str, Any]] = []
    sys.stdout.write("| what | size | seconds | MB |\n|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as name:
        for what, sizes, work in _works(Path(name), smiles):
            for size in [size for size in sizes if size <= options.most]:
                seconds, megabytes = _measured(partial(work, size))
                rows.append({"what": what, "size": size, "seconds": seconds, "MB": megabytes})
                sys.stdout.write(f"| {what} | {size:,} | {seconds:.2f} | {megabytes:,.0f} |\n")
                sys.stdout.flush()
    table = pd.DataFrame(rows)
    for what, group in table.groupby("what", sort=False):
        time_power, memory_power = (_exponent(group, column) for column in ("seconds", "MB"))
        sys.stdout.write(f"{what}: time ^ {time_power:.2f}, memory ^ {memory_power:.2f}\n")
    _picture(table).save(options.picture)


def _works(
    folder: Path, smiles: list[str]
) -> list[tuple[str, tuple[int, ...], Callable[[int], object]]]:
    """Return what is measured, its sizes, and the work of one size."""
    rng = np.random.default_rng(0)
    pretrained, similarity = (named(name) for name in ("pretrained", "similarity"))
    molecules = featurize(smiles, (*pretrained.featurizers, "morgan"))
    labels = tensor_of((rng.random(len(smiles)) < 0.5).astype(np.float32))
    support = Support(smiles[:64], [1, 0] * 32)
    adapted = similarity.adapt(*support)
    library, features = folder / "l.smi", folder / "l.arrow"
    library.write_text("".join(f"{text} x\n" for text in smiles))
    featurize_library(library, features, FeaturizePlan(("morgan",)))

    def judged(n_assays: int) -> object:
        assays = [_assay(number, rng, smiles) for number in range(n_assays)]
        plan = EvaluationPlan(supports=(32,), repeats=1)
        return evaluate(similarity.learner, assays, molecules, plan=plan, model="x", seed=0)

    def screened(n_compounds: int) -> object:
        path = folder / f"{n_compounds}.arrow"
        repeat(features, path, n_compounds // len(smiles))
        output = folder / f"{n_compounds}.csv"
        return screen_to_files(adapted, support, path, output=output, plan=ScreenPlan(top=100))

    def learnt(size: int) -> object:
        chosen = torch.arange(size)
        with torch.no_grad():
            predict = pretrained.learner.adapt_library(
                Labelled(molecules.select(chosen), labels[:size])
            )
            return predict(molecules.select(torch.arange(2000)))

    return [
        ("assays evaluated", ASSAYS, judged),
        ("compounds screened from features", COMPOUNDS, screened),
        ("compounds of a support, pretrained", SUPPORTS, learnt),
    ]


def _assay(number: int, rng: np.random.Generator, smiles: list[str]) -> Assay:
    rows = np.sort(rng.choice(len(smiles), MEASURED, replace=False))
    labels = (np.arange(MEASURED) % 2).astype(np.float32)
    values = np.full(MEASURED, np.nan, np.float32)
    texts = tuple(smiles[row] for row in rows.tolist())
    return Assay(f"a{number}", "", f"a{number}", texts, rows, labels, values)


def _measured(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds and megabytes of a work, in a copy of this process."""
    forked = multiprocessing.get_context("fork")
    results: Any = forked.SimpleQueue()
    process = forked.Process(target=_report, args=(work, results))
    process.start()
    process.join()
    if process.exitcode or results.empty():
        raise RuntimeError(f"a size ended with status {process.exitcode}")
    return results.get()


def _report(work: Callable[[], object], results: Any) -> None:  # noqa: ANN401 - a queue
    before, began = _peak(), time.process_time()
    work()
    results.put((time.process_time() - began, max(_peak() - before, 1.0)))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _exponent(group: pd.DataFrame, column: str) -> float:
    upper = group.iloc[len(group) // 2 - 1 :]
    return float(np.polyfit(np.log(upper["size"]), np.log(upper[column]), 1)[0])


def _picture(table: pd.DataFrame) -> Any:  # noqa: ANN401 - altair is untyped
    long = table.melt(["what", "size"], ["seconds", "MB"], "quantity", "value")
    size = _alt.X("size:Q", scale=_alt.Scale(type="log"), title="size")
    value = _alt.Y("value:Q", scale=_alt.Scale(type="log"), title=None)
    chart = _alt.Chart(long, width=200, height=150).mark_line(point=True).encode(size, value)
    what = _alt.Column("what:N", title=None, sort=list(table["what"].unique()))
    return chart.encode(column=what, row=_alt.Row("quantity:N", title=None)).resolve_scale(
        x="independent", y="independent"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
