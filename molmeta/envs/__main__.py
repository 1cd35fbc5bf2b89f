"""Train the small policy on some assays and hold it against the acquisition functions on others.

Writes the policy, and beside it, .csv, the hits of every policy in every episode.

Example: python -m molmeta.envs results/curated/train/*.parquet --valid results/curated/valid
  --evaluate results/curated/test --output results/policy.safetensors
"""

import time
from pathlib import Path
from typing import Annotated

import typer


def run(
    tables: Annotated[list[Path], typer.Argument(help="Curated tables to learn from.")],
    evaluate: Annotated[Path, typer.Option(help="Folder of curated tables to compare on.")],
    output: Annotated[Path, typer.Option(help="Policy to write.")],
    valid: Annotated[Path | None, typer.Option(help="Folder to choose the best step on.")] = None,
    model: Annotated[str, typer.Option(help="Model file or baseline.")] = "tanimoto_gp",
    steps: Annotated[int, typer.Option(min=1, help="Updates.")] = 200,
    repeats: Annotated[int, typer.Option(min=1, help="Episodes an assay.")] = 10,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 0,
) -> None:
    """Train, save and compare."""
    import torch

    from molmeta.envs.assay_search import from_tables
    from molmeta.envs.comparing import compare, means
    from molmeta.envs.learning import PolicyTraining, learn, save_policy
    from molmeta.runtime.console import bar, session
    from molmeta.runtime.outputs import written

    torch.set_num_threads(1)
    with session("envs", model=model, steps=steps, seed=seed) as outcome:
        env = from_tables(tables, model=model)
        began = time.monotonic()
        with bar(steps, "learn") as advance:
            judges = valid and from_tables(sorted(valid.glob("*.parquet")), model=model)
            training = PolicyTraining(steps=steps, seed=seed)
            chooser = learn(env, training, valid=judges, progress=advance)
        outcome.update(assays=len(env.assays), seconds=round(time.monotonic() - began))
        save_policy(chooser, output)
        found = sorted(evaluate.glob("*.parquet"))
        held_out = from_tables(found, model=model)
        rows = compare(held_out, {"learnt": chooser.best}, repeats=repeats, seed=seed)
        with written(output.with_suffix(".csv")) as temporary:
            rows.to_csv(temporary, index=False)
        outcome.update(means(rows), written=output)


if __name__ == "__main__":
    typer.run(run)
