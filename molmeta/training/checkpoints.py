"""The state of an interrupted training run, on disk and back, without loss and without code."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from molmeta.errors import ModelError, one_line
from molmeta.runtime.tensorfiles import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from molmeta.learners import MetaLearner

LOG = ("step", "loss", "grad_norm", "learning_rate", "seconds", "valid")
KIND = "checkpoint"


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        step: steps done.
        best_score: best mean validation delta-AUPRC so far.
        best: weights at that step.
        waited: validations since then.
        log: one row a step, columns LOG.
        seconds: spent so far, over all processes that had a part in it.
    """

    step: int = 0
    best_score: float = -math.inf
    best: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    waited: int = 0
    log: list[tuple[float, ...]] = field(default_factory=list[tuple[float, ...]])
    seconds: float = 0.0


def save_run(
    path: Path,
    fingerprint: str,
    learner: MetaLearner,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write all that `restore_run` needs.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {f"model.{name}": tensor for name, tensor in learner.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in progress.best.items()}
    for place, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{place}.{name}": tensor for name, tensor in values.items()}
    tensors["log"] = torch.tensor(progress.log, dtype=torch.float64).reshape(-1, len(LOG))
    header = {
        "kind": KIND,
        "fingerprint": fingerprint,
        "step": progress.step,
        "best_score": progress.best_score if progress.best else None,
        "waited": progress.waited,
        "seconds": progress.seconds,
    }
    write_tensors(path, tensors, header)


def restore_run(
    path: Path, fingerprint: str, learner: MetaLearner, optimizer: torch.optim.Optimizer
) -> Progress:
    """Bring learner and optimizer to where the run was; start anew if it was another run.

    Raises:
        ModelError: the file is damaged or of another kind.
    """
    if not path.exists():
        return Progress()
    tensors, header = read_tensors(path, KIND)
    if header.get("fingerprint") != fingerprint:
        return Progress()
    try:
        learner.load_state_dict(_part(tensors, "model"))
        _restore_optimizer(optimizer, _part(tensors, "optimizer"))
        progress = _progress(tensors, header)
        _require_shapes(progress.best, learner.state_dict())
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path}: does not fit the run it belongs to; got {one_line(error)}, expected its "
            "checkpoint. Delete it to start the training anew."
        ) from error
    return progress


def _progress(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> Progress:
    step, best = int(header["step"]), _part(tensors, "best")
    if tensors["log"].shape != (step, len(LOG)):
        raise ValueError(f"a log of shape {tuple(tensors['log'].shape)} after {step} steps")
    return Progress(
        step=step,
        best_score=-math.inf if header["best_score"] is None else float(header["best_score"]),
        best={name: tensor.clone() for name, tensor in best.items()},
        waited=int(header["waited"]),
        log=[tuple(map(float, row)) for row in tensors["log"].numpy()],
        seconds=float(header["seconds"]),
    )


def _require_shapes(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    shapes = {name: tensor.shape for name, tensor in found.items()}
    if shapes and shapes != {name: tensor.shape for name, tensor in expected.items()}:
        raise ValueError(f"other shapes: {shapes}")


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        place, part = name.split(".")
        moments.setdefault(int(place), {})[part] = tensor.clone()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for place, parts in moments.items():
        like = torch.empty_like(parameters[place], device="meta")
        expected = {"step": torch.empty(()), "exp_avg": like, "exp_avg_sq": like}
        _require_shapes(parts, expected)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def _part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
