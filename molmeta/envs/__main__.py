"""Train a small policy on some assays and compare it with the acquisition functions on others.

Writes the policy and, next to it, a CSV with the hits of every policy in every episode. With
--policy, a policy that was trained before is compared and nothing is trained.

Example: python -m molmeta.envs results/curated/train/*.parquet --valid results/curated/valid
  --evaluate results/curated/test --output results/policy.safetensors

Example: python -m molmeta.envs --policy results/policy.safetensors
  --evaluate results/curated/test --output results/comparison.csv
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from molmeta.envs.learning import Chooser


def run(
    evaluate: Annotated[Path, typer.Option(help="Folder of curated tables to compare on.")],
    output: Annotated[Path, typer.Option(help="Policy to write; a CSV is written next to it.")],
    tables: Annotated[list[Path] | None, typer.Argument(help="Curated training tables.")] = None,
    valid: Annotated[Path | None, typer.Option(help="Folder to choose the best step on.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Policy to compare without training.")] = None,
    model: Annotated[str, typer.Option(help="Model file or baseline.")] = "tanimoto_gp",
    steps: Annotated[int, typer.Option(min=1, help="Number of updates.")] = 200,
    repeats: Annotated[int, typer.Option(min=1, help="Episodes of each assay.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 0,
) -> None:
    """Train a policy, or load one, and compare it."""
    import torch

    from molmeta.envs.assay_search import from_tables
    from molmeta.envs.comparing import compare, means
    from molmeta.envs.learning import load_policy, save_policy
    from molmeta.runtime.console import session
    from molmeta.runtime.outputs import written
    from molmeta.runtime.spreadsheets import write_frame

    if (policy is None) == (not tables):
        raise ConfigError(
            "molmeta.envs: needs either training tables or --policy; got "
            f"{len(tables or [])} tables and policy {policy}, expected one of them. Correct it."
        )
    torch.set_num_threads(1)
    with session("envs", model=model, steps=steps, seed=seed) as outcome:
        if policy is not None:
            chooser = load_policy(policy)
        else:
            began = time.monotonic()
            chooser = _trained(tables or [], valid, model, steps, seed)
            save_policy(chooser, output)
            outcome.update(seconds=round(time.monotonic() - began))
        held_out = from_tables(sorted(evaluate.glob("*.parquet")), model=model)
        rows = compare(held_out, {"trained": chooser.best}, repeats=repeats, seed=seed)
        with written(output.with_suffix(".csv")) as temporary:
            write_frame(temporary, rows)
        outcome.update(means(rows), written=output)


def _trained(
    tables: list[Path], valid: Path | None, model: str, steps: int, seed: int
) -> "Chooser":
    from molmeta.envs.assay_search import from_tables
    from molmeta.envs.learning import PolicyTraining, learn
    from molmeta.runtime.console import bar

    env = from_tables(tables, model=model)
    judges = from_tables(sorted(valid.glob("*.parquet")), model=model) if valid else None
    with bar(steps, "steps") as advance:
        training = PolicyTraining(steps=steps, seed=seed)
        return learn(env, training, valid=judges, progress=advance)


if __name__ == "__main__":
    typer.run(run)
