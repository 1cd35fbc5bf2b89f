"""Makes the input files of a report from seeded draws: test data, not results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.evaluation.metrics import names
from molmeta.report.evidence import Sources

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<script>alert(1)</script>\"'../x"
SKILL = {
    "protonet": 0.19,
    "maml": 0.15,
    "mann": 0.12,
    "similarity": 0.11,
    "tanimoto_gp": 0.13,
    "logistic_regression": 0.10,
    "random_forest": 0.09,
}
SMILES = (
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O",
    "CC(=O)Nc1ccc(O)cc1",
    "Clc1ccc2c(c1)C(=NCC(=O)N2C)c1ccccc1",
    "CN(C)CCCN1c2ccccc2Sc2ccc(Cl)cc21",
    "COc1ccc2[nH]cc(CCNC(C)=O)c2c1",
    "NC(=O)c1cnccn1",
    "CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1",
    "O=C(O)Cc1ccccc1Nc1c(Cl)cccc1Cl",
)


@dataclass(frozen=True)
class Plan:
    """What the made evaluation holds."""

    n_assays: int = 6
    supports: tuple[int, ...] = (16, 32, 64)
    repeats: int = 3
    models: tuple[str, ...] = tuple(SKILL)
    gain: float = 1.0
    smiles: tuple[str, ...] = SMILES
    hostile: str = HOSTILE


SMALL = Plan(n_assays=4, supports=(16, 32), repeats=2, gain=2.0)


def make(folder: Path, plan: Plan = Plan()) -> Sources:
    """Write all inputs of a report into a folder and return where they are."""
    rng = np.random.default_rng(7)
    assays = [plan.hostile, *(f"CHEMBL{1000 + n}" for n in range(1, plan.n_assays))]
    return Sources(
        metrics=_metrics(folder, plan, assays, rng),
        audit=_audit(folder, assays),
        assays=[_curated(folder, assays)],
        dropped=[_dropped(folder)],
        logs=_logs(folder, plan, rng),
        examples=_examples(folder, plan, assays, rng),
        config=_config(folder),
        benchmarks=_benchmarks(folder),
        commands=("snakemake --cores 2",),
    )


def seeds(model: str) -> tuple[int, ...]:
    return (0, 1) if model in {"protonet", "maml", "mann"} or model not in SKILL else (0,)


def metrics_frame(plan: Plan, assays: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Return a metrics table: easy and hard assays, models of different skill, shared episodes."""
    ease = {assay: rng.normal(0, 0.07) for assay in assays}
    luck = {
        (a, s, r): rng.normal(0, 0.03)
        for a in assays
        for s in plan.supports
        for r in range(plan.repeats)
    }
    rows = []
    for model in plan.models:
        skill = SKILL.get(model, 0.08) * (plan.gain if model in {"protonet", "maml", "mann"} else 1)
        taste = {assay: rng.normal(0, 0.03) for assay in assays}
        for seed in seeds(model):
            for (assay, support, repeat), shared in luck.items():
                more = 0.035 * np.log2(support / 16)
                score = skill + more + ease[assay] + taste[assay] + shared + rng.normal(0, 0.01)
                rows.append(_row(model, seed, assay, support, repeat, float(score)))
    return pd.DataFrame(rows)


def _row(model, seed, assay, support, repeat, score):
    auroc = 0.5 + score
    metrics = dict.fromkeys(names("ranking", "probability"), score)
    metrics |= {"auprc": score + 0.47, "auroc": auroc, "bedroc20": auroc, "ef1": 1 + score * 2}
    metrics |= {"ef5": 1 + score * 1.8, "brier": 0.25 - score / 4, "log_loss": 0.69 - score / 2}
    metrics |= {"calibration_error": 0.1, **dict.fromkeys(names("value"), np.nan)}
    return {
        "model": model,
        "seed": seed,
        "assay": assay,
        "target": "kinase",
        "cluster": assay,
        "support": support,
        "repeat": repeat,
        "episode": f"{assay}-{support}-{repeat}",
        "n_support": support,
        "n_support_active": support // 2,
        "n_query": 90,
        "n_query_active": 42,
        **metrics,
        "adapt_seconds": 0.01,
        "predict_seconds": 0.002,
        "reason": "",
    }


def _metrics(folder, plan, assays, rng):
    table = metrics_frame(plan, assays, rng)
    last = max(plan.supports)
    undrawn = table["assay"].eq(assays[-1]) & table["support"].eq(last)
    table.loc[undrawn, list(names())] = np.nan
    table.loc[undrawn, "reason"] = "fewer compounds than support and query need"
    paths = []
    for (model, seed), part in table.groupby(["model", "seed"], sort=False):
        paths.append(folder / "metrics" / str(model) / f"{seed}.parquet")
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        part.to_parquet(paths[-1])
    return paths


def _audit(folder, assays):
    rows = []
    for n, assay in enumerate(assays):
        leaked = n % 3 == 1
        rows.append(
            {
                "split": "test",
                "table": "made",
                "assay": assay,
                "target": "kinase",
                "cluster": "panel 1" if n % 6 == 1 else assay,
                "n_compounds": 120 + n,
                "n_active": 55,
                "share_active": 55 / (120 + n),
                "exact_overlap": 0.43 if leaked else 0.02,
                "scaffold_overlap": 0.6 if leaked else 0.2,
                "near_overlap": 0.7 if leaked else 0.1,
                "panel": "panel 1" if n % 6 == 1 else "",
                "clean": not leaked,
                "note": "shares compounds with training assays" if leaked else "",
            }
        )
    rows.append(
        {
            **rows[0],
            "split": "train",
            "assay": "T1",
            "exact_overlap": "",
            "scaffold_overlap": "",
            "near_overlap": "",
        }
    )
    path = folder / "audit.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def _curated(folder, assays):
    path = folder / "curated" / "test" / "made.assays.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "assay": a,
            "target": "kinase",
            "cluster": a,
            "unit": "pX",
            "threshold": 6.2,
            "n_read": 140,
            "n_dropped": 9,
            "n_merged": 5,
            "n_compounds": 126,
            "n_active": 60,
            "share_active": 0.48,
            "status": "ok",
        }
        for a in assays
    ]
    rows.append({**rows[0], "assay": "TINY", "n_compounds": 5, "status": "5 compounds, 32 needed"})
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def _dropped(folder):
    path = folder / "curated" / "test" / "made.dropped.csv"
    rows = [
        ("CHEMBL1001", 3, "C1CC", "SMILES cannot be parsed", "unclosed ring"),
        ("CHEMBL1001", 9, "CCO", "qualifier cannot be decided", "> 5.0 at threshold 6.2"),
        (HOSTILE, 12, "<img src=x onerror=alert(2)>", "SMILES cannot be parsed", ""),
    ]
    frame = pd.DataFrame(rows, columns=["assay", "row", "smiles", "reason", "detail"])
    frame.to_csv(path, index=False)
    return path


def _logs(folder, plan, rng):
    paths = []
    for model in [m for m in plan.models if m in {"protonet", "maml", "mann"}]:
        for seed in seeds(model):
            steps = np.arange(1, 401)
            loss = 0.69 - 0.2 * (1 - np.exp(-steps / 120)) + rng.normal(0, 0.03, len(steps))
            valid = np.where(steps % 50 == 0, 0.2 * (1 - np.exp(-steps / 90)), np.nan)
            paths.append(folder / "models" / model / f"{seed}.log.parquet")
            paths[-1].parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(
                {
                    "step": steps,
                    "loss": loss,
                    "grad_norm": 1.0,
                    "learning_rate": 1e-3,
                    "seconds": 0.1,
                    "valid": valid,
                }
            ).to_parquet(paths[-1])
    return paths


def _examples(folder, plan, assays, rng):
    rows = []
    for assay in assays:
        chosen = rng.choice(plan.smiles, 32, replace=len(plan.smiles) < 32)
        for n, smiles in enumerate(chosen):
            role, rank = ("support", n + 1) if n < 16 else ("query", n - 15)
            rows.append(
                {
                    "assay": assay,
                    "model": plan.models[0],
                    "role": role,
                    "rank": rank,
                    "smiles": smiles,
                    "active": int(n % 2 == 0 or n in {17, 19}),
                    "probability": np.nan if n < 16 else 0.95 - 0.03 * rank,
                }
            )
    path = folder / "examples.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def _config(folder):
    path = folder / "config.yaml"
    path.write_text("# <b>a comment</b>\nsupports: [16, 32, 64]\nseeds: [0, 1]\n", encoding="utf-8")
    return path


def _benchmarks(folder):
    for name, seconds in (("curate/test/made", 3.2), ("train/protonet/0", 61.0)):
        path = folder / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
            f"{seconds}\t0:00:03\t310.5\t900\t300\t305\t0\t0\t99\t{seconds}\n",
            encoding="utf-8",
        )
    return folder / "benchmarks"
