"""Compares single-task learning, transfer and meta-learning on graphs and fingerprints, on FS-Mol.

    snakemake --cores 2 --configfile config/fsmol.yaml config/fsmol_graphs.yaml
    python studies/graphs.py single-task  # in the folder of that run, for the networks below
    python studies/graphs.py ../shared/data/fsmol  # there; writes docs/results/graphs.md

The second command evaluates networks that learn from the support alone, which no config trains. The
third writes tables and picture between the marks of the page, from the metrics of the run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd
from marks import OUTSIDE, difference, head, line, rewritten, rounded

import molmeta
from molmeta.evaluation.evaluate import EvaluationPlan
from molmeta.evaluation.published import read_groups
from molmeta.evaluation.statistics import ALL, CLEAN, compare, scopes, summarise
from molmeta.models.files import save
from molmeta.models.model import Model
from molmeta.models.recipes import Recipe
from molmeta.report import svg
from molmeta.report.evidence import Sources, read
from molmeta.runtime.outputs import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURE = DOCS / "results" / "graphs.md", DOCS / "assets" / "graphs.svg"
INPUTS = {"graph": "graphs", "fingerprint": "fingerprints", "both": "both"}
COLORS = {"graphs": "#0f766e", "fingerprints": "#b45309", "both": "#1d4ed8"}
SUPPORTS, BASELINE = (16, 64), "tanimoto_gp"
SCOPES = {ALL: "117 assays", OUTSIDE: "62 outside the panel", CLEAN: "12 clean"}
SINGLE, TRANSFER, META = "single-task", "transfer", "meta-learning"


def _on(learner: str, *inputs: str) -> dict[str, str]:
    """Return the models of a learner by what they read."""
    return {INPUTS[key]: f"{learner}_{key}" for key in inputs or INPUTS}


METHODS = {
    "random forest": (SINGLE, {"fingerprints": "random_forest"}),
    "Gaussian process": (SINGLE, {"fingerprints": BASELINE}),
    "network": (SINGLE, _on("single_task")),
    "linear probe, no labels": (TRANSFER, _on("imitation", "graph")),
    "linear probe": (TRANSFER, _on("multitask")),
    "ProtoNet": (META, _on("protonet")),
    "in-context": (META, _on("incontext")),
    "deep kernel (ADKF)": (META, _on("adkf")),
    "MAML": (META, _on("maml", "graph", "fingerprint")),
    "MANN": (META, _on("mann")),
}
"""Kind and models of each method, by input."""
BITS = {"bits": "morgan3+pharmacophores+atom_pairs+torsions", "hidden": 512}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "single_task_graph": ("gine", {}),
    "single_task_fingerprint": ("fingerprint", BITS),
    "single_task_both": ("gine+fingerprint", {"fingerprint": BITS}),
}
"""Encoder and options of the networks without any training before the support."""


def single_task() -> None:
    """Evaluate the networks that learn from the support alone, one draw of each assay."""
    plan = EvaluationPlan(supports=SUPPORTS, repeats=1, n_query=None)
    for name, (encoder, options) in NETWORKS.items():
        recipe = Recipe("single_task", encoder, encoder_options=options)
        path = Path(f"results/models/{name}/0.safetensors")
        save(Model(recipe.build(0).eval(), recipe, {"version": molmeta.__version__}), path)
        molmeta.evaluate(
            path,
            [Path("results/curated/test/test.parquet")],
            plan=plan,
            molecules=Path("results/molecules.safetensors"),
            name=name,
            output=Path(f"results/metrics/{name}/0.parquet"),
        )


def write_page(data: Path) -> None:
    """Write tables and picture of the page from the metrics in this folder."""
    metrics = _metrics(data)
    tables = {scope: _table(rows) for scope, rows in metrics.items()}
    page = PAGE.read_text(encoding="utf-8")
    for scope, table in tables.items():
        name = SCOPES[scope].split(" ", 1)[1]
        page = rewritten(page, name, "\n".join(_levels(table)))
    page = rewritten(page, "differences", "\n".join(_differences(metrics[OUTSIDE])))
    write_text(PAGE, page)
    svg.save(_picture(tables), PICTURE)


def _metrics(data: Path) -> dict[str, pd.DataFrame]:
    """Return the metrics of all models by scope."""
    names = [name for _, models in METHODS.values() for name in models.values()]
    paths = [Path(f"results/metrics/{name}/0.parquet") for name in names]
    evidence = read(Sources([p for p in paths if p.is_file()], audit=Path("results/audit.csv")))
    rows = evidence.metrics[evidence.metrics["support"].isin(SUPPORTS)]
    by_scope = scopes(rows, evidence.audit)
    groups = read_groups(data / "tasks.csv.gz", "panel")
    everything = by_scope[ALL]
    outside = everything[everything["assay"].map(groups).eq(OUTSIDE)]
    return {ALL: everything, OUTSIDE: outside, CLEAN: by_scope[CLEAN]}


def _table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each method, input and support, with mean and interval."""
    means = summarise(metrics, names=["delta_auprc"]).set_index(["model", "support"])
    rows = [
        {"kind": kind, "method": method, "input": source, "support": support}
        | means.loc[(model, support), ["mean", "low", "high"]].to_dict()
        for method, (kind, models) in METHODS.items()
        for source, model in models.items()
        for support in SUPPORTS
        if (model, support) in means.index
    ]
    return pd.DataFrame(rows)


def _levels(table: pd.DataFrame) -> Iterator[str]:
    yield from head(["", "", *INPUTS.values()])
    means = table.set_index(["method", "input", "support"])["mean"].to_dict()
    for method, (kind, _) in METHODS.items():
        cells = [
            " / ".join(rounded(means[method, source, s]) for s in SUPPORTS)
            if (method, source, SUPPORTS[0]) in means
            else ""
            for source in INPUTS.values()
        ]
        yield line([kind, method, *cells])


def _differences(metrics: pd.DataFrame) -> Iterator[str]:
    """Yield the paired differences to the Gaussian process, with intervals."""
    paired = compare(metrics, baselines=[BASELINE]).set_index(["model", "support"])
    yield from head(["", "input", *map(str, SUPPORTS), "better on, 16 / 64"])
    for method, (_, models) in METHODS.items():
        for source, model in models.items():
            if model == BASELINE or (model, SUPPORTS[0]) not in paired.index:
                continue
            rows = [paired.loc[(model, support)] for support in SUPPORTS]
            shares = " / ".join(f"{100 * row['share_better']:.0f} %" for row in rows)
            yield line([method, source, *map(difference, rows), shares])


def _picture(tables: Mapping[str, pd.DataFrame]) -> alt.Chart:
    """Return means and intervals of all methods at the smallest support, a column for a scope."""
    names = {method: f"{method} ({kind})" for method, (kind, _) in METHODS.items()}
    rows = pd.concat([table.assign(scope=SCOPES[scope]) for scope, table in tables.items()])
    rows = rows[rows["support"] == SUPPORTS[0]]
    rows["method"] = rows["method"].map(names)
    axis = alt.Axis(labelLimit=260, domain=False, ticks=False)
    colors = alt.Scale(domain=list(COLORS), range=list(COLORS.values()))
    base = alt.Chart(rows).encode(
        y=alt.Y("method:N", sort=list(names.values()), title=None, axis=axis),
        yOffset=alt.YOffset("input:N", sort=list(COLORS)),
        color=alt.Color("input:N", scale=colors, legend=alt.Legend(title=None, orient="top")),
    )
    title = f"delta-AUPRC, {SUPPORTS[0]} compounds"
    intervals = base.mark_rule(opacity=0.5).encode(x="low:Q", x2="high:Q")
    x = alt.X("mean:Q", title=title, axis=alt.Axis(values=[0, 0.1, 0.2, 0.3]))
    means = base.mark_point(filled=True, size=55, opacity=1).encode(x=x)
    return (
        (intervals + means)
        .properties(width=190, height=340)
        .facet(column=alt.Column("scope:N", sort=list(SCOPES.values()), title=None))
        # The renderer takes the labels for narrower than they are.
        .properties(padding={"left": 70, "right": 10, "top": 5, "bottom": 5})
    )


if __name__ == "__main__":
    single_task() if sys.argv[1] == "single-task" else write_page(Path(sys.argv[1]))
