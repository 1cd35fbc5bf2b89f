"""Writes the figures of docs/learners.md, between its marks, from a run of all learners on FS-Mol.

Run in the folder of that run: python studies/learners.py ../shared/data/fsmol

The folder named holds FS-Mol's `tasks.csv.gz` and `published_per_task.csv.gz`. Models of the two
configs without metrics in this folder keep their rows on the page, and are named.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import yaml
from marks import OUTSIDE, between, difference, head, line, rewritten, rounded

from molmeta.evaluation.published import compare_published, read_groups, read_published
from molmeta.evaluation.statistics import ALL, CLEAN, scopes, summarise
from molmeta.report.evidence import Sources, read
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PAGE = Path(__file__).parents[1] / "docs" / "learners.md"
CONFIGS = (Path("config/fsmol.yaml"), Path("config/fsmol_learners.yaml"))
SUPPORTS = (16, 32, 64, 128, 256)
METHODS = {
    "profile_gp": "ADKF-IFT", "adkf": "ADKF-IFT", "dkt": "DKT", "cnp": "CNP",
    "protonet": "ProtoNet-gnn+ecfp+fc-Support64", "maml": "MAML-Support16",
    "fomaml": "MAML-Support16", "incontext": "mhnfs", "multitask": "lp",
    "quadratic_probe": "qprobe", "finetune": "GNN-Multitask", "single_task": "GNN-ST",
    "tanimoto_gp": "GP-ST", "random_forest": "random_forest", "similarity": "SimSearch",
}  # fmt: skip
"""The published method of each learner, as the published table calls it."""
CALLED = {
    "ProtoNet-gnn+ecfp+fc-Support64": "ProtoNet", "MAML-Support16": "GNN-MAML", "mhnfs": "MHNfs",
    "lp": "linear probe", "qprobe": "quadratic probe", "GNN-Multitask": "GNN-MT",
    "random_forest": "random forest", "SimSearch": "similarity search",
}  # fmt: skip
TARGETS = {
    "protonet": (0.218, 0.280), "adkf": (0.244, 0.296), "quadratic_probe": (0.240, 0.288),
    "incontext": (0.230, 0.250), "maml": (0.176, 0.188), "tanimoto_gp": (0.111, 0.172),
    "random_forest": (0.096, 0.165),
}  # fmt: skip
"""What was to be reached at 16 and 64 on all assays."""


@dataclass(frozen=True)
class Figures:
    """What the tables are made from.

    Attributes:
        means: columns model, scope, support and mean.
        compared: of `compare_published`, each model with its published method.
        seconds: of training, by model; baselines have none.
        settings: encoder and budget by model, "" for none.
    """

    means: pd.DataFrame
    compared: pd.DataFrame
    seconds: Mapping[str, float]
    settings: Mapping[str, tuple[str, str]]

    def of(self, model: str, scope: str) -> dict[int, float]:
        """Return the mean of a model by support."""
        return _by_support(self.means, "mean", model=model, scope=scope)

    def published(self, method: str, scope: str) -> dict[int, float]:
        """Return the mean of a published method by support."""
        return _by_support(self.compared, "published", method=method, scope=scope)


def wanted(configs: Sequence[Path]) -> dict[str, tuple[str, str]]:
    """Return encoder and budget of every model that the configs ask for, "" for none."""
    contents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in configs]
    models: dict[str, tuple[str, str]] = {}
    for name, entry in (row for config in contents for row in config["models"].items()):
        steps, episodes = entry["training"]["steps"], entry["training"].get("episodes")
        models[name] = entry["encoder"], f"{steps} x {episodes}" if steps else "0"
    return models | dict.fromkeys(contents[-1]["baselines"], ("", ""))


def figures(data: Path, settings: Mapping[str, tuple[str, str]]) -> Figures:
    """Read the run in this folder."""
    metrics = [Path(f"results/metrics/{name}/0.parquet") for name in settings]
    logs = [Path(f"results/models/{name}/0.log.parquet") for name in settings]
    kept = [path for path in logs if path.is_file()]
    evidence = read(Sources(metrics, audit=Path("results/audit.csv"), logs=kept))
    seconds = dict.fromkeys((path.parent.name for path in kept), 0.0)
    seconds |= {str(name): log["seconds"].max() for name, log in evidence.logs.groupby("model")}
    groups = read_groups(data / "tasks.csv.gz", "panel")
    published = read_published(data / "published_per_task.csv.gz")
    compared = _compared(evidence.metrics, published, evidence.audit, groups)
    return Figures(_means(evidence.metrics, evidence.audit, groups), compared, seconds, settings)


def sections(run: Figures, missing: Sequence[str]) -> dict[str, str]:
    """Return the text of every mark but that of the learners."""
    names = ", ".join(f"`{name}`" for name in missing)
    note = f"Not in the latest run; their rows are from an earlier one: {names}."
    return {
        "targets": "\n".join(_targets(run)),
        "all": "\n".join(_levels(run, ALL)),
        "outside": "\n".join(_levels(run, OUTSIDE)),
        "differences": "\n".join([*_differences(run, ALL), *_differences(run, OUTSIDE)[2:]]),
        "missing": note if missing else "Every model of both configs is there.",
    }


def with_results(table: str, run: Figures) -> str:
    """Return the table of learners with the means at 16 and 64 in the last cell of each row."""

    def row(match: re.Match[str]) -> str:
        means = run.of(match[2], ALL)
        return f"{match[1]} {_pair(means) if means else match[3].strip() or 'not run'} |"

    return re.sub(r"^(\| `(\w+)` .*\|)([^|]*)\|$", row, table, flags=re.MULTILINE)


def completed(table: str, old: str, missing: Sequence[str]) -> str:
    """Return a table with the rows that an older one has of missing models and of no model.

    Those of one scope stay together; where rows are not of a scope, the highest at 16 is first.
    """
    lines, names = table.splitlines(), _cells(table)
    of_scopes = names[0] == "assays"
    written_rows = {tuple(_cells(row)[: 1 + of_scopes]) for row in lines}
    for row in old.splitlines()[2:]:
        key = tuple(_cells(row)[: 1 + of_scopes])
        models = re.findall(r"`(\w+)`", " ".join(key))
        if key not in written_rows and all(model in missing for model in models):
            lines.append(row)
    scopes = list(dict.fromkeys(_cells(row)[0] for row in lines))
    rows = lines[2:]
    if of_scopes:
        rows.sort(key=lambda row: scopes.index(_cells(row)[0]))
    elif "16" in names:
        rows.sort(key=lambda row: -float(_cells(row)[names.index("16")]))
    return "\n".join([*lines[:2], *rows])


def _cells(table: str) -> list[str]:
    return [cell.strip() for cell in table.splitlines()[0].split("|")[1:-1]]


def main(data: Path) -> None:
    """Write the figures into the page."""
    settings = wanted(CONFIGS)
    measured = {
        name: setting
        for name, setting in settings.items()
        if Path(f"results/metrics/{name}/0.parquet").is_file()
    }
    missing = [name for name in settings if name not in measured]
    run, page = figures(data, measured), PAGE.read_text(encoding="utf-8")
    page = rewritten(page, "learners", with_results(between(page, "learners"), run))
    for name, text in sections(run, missing).items():
        whole = text if name == "missing" else completed(text, between(page, name), missing)
        page = rewritten(page, name, whole)
    with written(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")
    sys.stdout.write(
        f"{PAGE.name}: {len(measured)} models; missing: {' '.join(missing) or 'none'}\n"
    )


def _compared(
    metrics: pd.DataFrame, published: pd.DataFrame, audit: pd.DataFrame | None, groups: pd.Series
) -> pd.DataFrame:
    tables: list[pd.DataFrame] = []
    for model, table in metrics.groupby("model"):
        method = METHODS.get(str(model).removesuffix("_graph"))
        if method is not None:
            results = published[published["method"] == method]
            tables.append(compare_published(table, results, audit, groups=groups))
    return pd.concat(tables, ignore_index=True)


def _means(metrics: pd.DataFrame, audit: pd.DataFrame | None, groups: pd.Series) -> pd.DataFrame:
    by_scope = scopes(metrics, audit)
    outside = by_scope[ALL][by_scope[ALL]["assay"].map(groups).eq(OUTSIDE)]
    chosen = {ALL: by_scope[ALL], CLEAN: by_scope[CLEAN], OUTSIDE: outside}
    parts = (summarise(table, names=["delta_auprc"]).assign(scope=s) for s, table in chosen.items())
    return pd.concat(parts, ignore_index=True)


def _levels(run: Figures, scope: str) -> Iterator[str]:
    """Yield a row a model and a published method, the best at 16 first."""
    rows = [
        (run.of(model, scope), run.of(model, CLEAN), f"**`{model}`**", *_facts(run, model))
        for model in run.settings
    ]
    for method in sorted(set(run.compared["method"])):
        means, clean = run.published(method, scope), run.published(method, CLEAN)
        rows.append((means, clean, f"{_called(method)}, published", "", "", ""))
    rows.sort(key=lambda row: -row[0][16])
    if scope == ALL:
        facts = ("", "encoder", "steps x episodes", "trained, s")
        yield from head([*facts, *map(str, SUPPORTS), "12 clean, 16 / 64"])
        yield from (line([*cells, *_row(means), _pair(clean)]) for means, clean, *cells in rows)
    else:
        yield from head(["", *map(str, SUPPORTS)])
        yield from (line([name, *_row(means)]) for means, _, name, *_ in rows)


def _facts(run: Figures, model: str) -> tuple[str, str, str]:
    return *run.settings[model], f"{run.seconds[model]:.0f}" if model in run.seconds else ""


def _differences(run: Figures, scope: str) -> list[str]:
    rows = head(["assays", "model", "published", *map(str, SUPPORTS)])
    where = "all" if scope == ALL else "outside the panel"
    of_scope = run.compared[run.compared["scope"] == scope]
    for model in run.settings:
        table = of_scope[of_scope["model"] == model].set_index("support")
        if not table.empty:
            cells = [difference(table.loc[s]) if s in table.index else "" for s in SUPPORTS]
            rows.append(line([where, f"`{model}`", _called(table["method"].iloc[0]), *cells]))
    return rows


def _targets(run: Figures) -> Iterator[str]:
    yield from head(["learner", "to reach, 16 / 64", "here", "short by"])
    for model, (at_16, at_64) in TARGETS.items():
        means = run.of(model, ALL)
        if not means:
            continue
        # as they are printed, so that the table does not contradict itself
        short = [round(goal - round(means[s], 3), 3) for s, goal in ((16, at_16), (64, at_64))]
        lacking = " / ".join(rounded(value) if value > 0 else "0" for value in short)
        goal = _pair({16: at_16, 64: at_64})
        reached = "reached" if max(short) <= 0 else lacking
        yield line([f"`{model}`", goal, _pair(means), reached])


def _by_support(table: pd.DataFrame, column: str, **chosen: str) -> dict[int, float]:
    for name, value in chosen.items():
        table = table[table[name] == value]
    return dict(zip(table["support"].astype(int), table[column].astype(float), strict=True))


def _called(method: str) -> str:
    return CALLED.get(method, method)


def _row(means: Mapping[int, float]) -> list[str]:
    return [rounded(means[support]) if support in means else "" for support in SUPPORTS]


def _pair(means: Mapping[int, float]) -> str:
    return f"{rounded(means[16])} / {rounded(means[64])}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
