"""Measures time and memory against the number of assays, of compounds and of a support.

`OMP_NUM_THREADS=1 python benchmarks/scaling.py` prints the table of docs/scale.md and writes its
picture. Each size runs in a process of its own. Time is processor time, and memory is the peak of
the process above that before the work. Exponents are fitted to the three largest sizes, where
constant costs weigh least. `--most N` leaves out larger sizes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
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
from molmeta.report import svg
from molmeta.screening.hits import Support
from molmeta.screening.plan import ScreenPlan
from molmeta.screening.screen import screen_to_files
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_alt: Any = alt
PICTURE = Path(__file__).parents[1] / "docs" / "assets" / "scaling.svg"
ASSAYS = (10, 100, 316, 1000, 3162, 10_000)
COMPOUNDS = (10_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
SUPPORTS = (16, 64, 256, 1000, 2500, 5000)
MEASURED, SCORED, DISTINCT = 96, 1000, 5000
"""Compounds of an assay, compounds scored after adapting to a support, and compounds in all."""
FITTED = 3
"""Largest sizes that an exponent is fitted to."""


def main() -> None:
    """Print the table and write the picture."""
    options = _options()
    torch.set_num_threads(1)
    texts = [record.smiles for chunk in read_library(NCI) for record in chunk]
    smiles = [text for text in texts if parses(text)]
    smiles = (smiles * (1 + DISTINCT // len(smiles)))[:DISTINCT]
    rows: list[dict[str, Any]] = []
    _say(f"molmeta {__version__}, torch {torch.__version__}, Python {platform.python_version()}\n")
    _say("| what | size | seconds | MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for what, sizes, work in _works(Path(name), smiles):
            # Once before any is measured, so that none pays for late imports.
            work(sizes[0])
            for size in [size for size in sizes if size <= options.most]:
                seconds, megabytes = _measured(partial(work, size))
                rows.append({"what": what, "size": size, "seconds": seconds, "MB": megabytes})
                _say(f"| {what} | {size:,} | {seconds:.2f} | {megabytes:,.0f} |")
    table = pd.DataFrame(rows)
    _say("\n| what | time grows with size to the power | memory |\n|---|---|---|")
    for what, group in table.groupby("what", sort=False):
        time_power, memory_power = (_exponent(group, column) for column in ("seconds", "MB"))
        _say(f"| {what} | {time_power:.2f} | {memory_power:.2f} |")
    svg.save(_picture(table), options.picture)


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

    def adapting(size: int) -> object:
        chosen = torch.arange(size)
        with torch.no_grad():
            predict = pretrained.learner.adapt_library(
                Labelled(molecules.select(chosen), labels[:size])
            )
            return predict(molecules.select(torch.arange(SCORED)))

    return [
        ("assays evaluated, similarity", ASSAYS, judged),
        ("compounds screened from features, similarity", COMPOUNDS, screened),
        (f"support adapted to, {SCORED:,} compounds scored, pretrained", SUPPORTS, adapting),
    ]


def _assay(number: int, rng: np.random.Generator, smiles: list[str]) -> Assay:
    rows: NDArray[np.int64] = np.sort(rng.choice(len(smiles), MEASURED, replace=False))
    labels = (np.arange(MEASURED) % 2).astype(np.float32)
    values = np.full(MEASURED, np.nan, np.float32)
    texts = tuple(smiles[int(row)] for row in rows)
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
    upper = group.tail(FITTED)
    return float(np.polyfit(np.log(upper["size"]), np.log(upper[column]), 1)[0])


def _picture(table: pd.DataFrame) -> Any:  # noqa: ANN401 - altair is untyped
    long = table.melt(["what", "size"], ["seconds", "MB"], "quantity", "value")
    # The tables say what is done with them.
    long["what"] = long["what"].str.split().str[0]
    powers, logarithmic = [10.0**power for power in range(-1, 8)], _alt.Scale(type="log")
    sizes, values = (_alt.Axis(values=powers, format=text) for text in ("~s", ",~"))
    size = _alt.X("size:Q", scale=logarithmic, axis=sizes, title="size")
    value = _alt.Y("value:Q", scale=logarithmic, axis=values, title=None)
    chart = _alt.Chart(long, width=200, height=150).mark_line(point=True).encode(size, value)
    what = _alt.Column("what:N", title=None, sort=list(long["what"].unique()))
    return chart.encode(column=what, row=_alt.Row("quantity:N", title=None)).resolve_scale(
        x="independent", y="independent"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=10_000_000)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
