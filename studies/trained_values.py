"""Writes the table of measured values in docs/learners.md, between its marks.

Run in the folder of a run of config/fsmol_values.yaml: python studies/trained_values.py

Learners of the config that have no metrics there are named below the table.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import yaml
from marks import head, line, rewritten, rounded

from molmeta.evaluation.statistics import summarise
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = Path(__file__).parents[1] / "docs" / "learners.md"
CONFIG = Path("config/fsmol_values.yaml")
SUPPORTS = (16, 32, 64, 128, 256)


def models_of(config: Path) -> list[str]:
    """Return the names of the models and baselines of a config."""
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    return [*content["models"], *content["baselines"]]


def rows(means: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of the table, the highest R2 at 16 first.

    Args:
        means: of `summarise`, with the metrics r2 and spearman.
    """
    table = means.pivot_table(index=["model", "metric"], columns="support", values="mean")
    sizes = [size for size in SUPPORTS if size in table.columns]
    r2 = table.xs("r2", level="metric").sort_values(sizes[0], ascending=False)
    ranks = table.xs("spearman", level="metric")
    names = [f"R2, {size}" if size == sizes[0] else str(size) for size in sizes]
    yield from head(["learner", *names, "Spearman, 16 / 64"])
    for model in r2.index:
        ordered = " / ".join(rounded(ranks.loc[model, size]) for size in (16, 64))
        yield line([f"`{model}`", *(rounded(r2.loc[model, size]) for size in sizes), ordered])


def main(names: Sequence[str]) -> None:
    """Write the table into the page."""
    paths = {name: Path(f"results/metrics/{name}/0.parquet") for name in names}
    existing = [path for path in paths.values() if path.is_file()]
    metrics = pd.concat([pd.read_parquet(path) for path in existing])
    lines = list(rows(summarise(metrics, names=["r2", "spearman"])))
    missing = [f"`{name}`" for name, path in paths.items() if not path.is_file()]
    text = "\n".join([*lines, *(["", f"Not run: {', '.join(missing)}."] if missing else [])])
    page = rewritten(PAGE.read_text(encoding="utf-8"), "values", text)
    with written(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(existing)} learners of values\n")


if __name__ == "__main__":
    main(models_of(CONFIG))
