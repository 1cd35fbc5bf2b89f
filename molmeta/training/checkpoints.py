"""Saves and restores the state of a training run exactly, in files without code."""

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
    """Progress of a run.

    Attributes:
        step: number of finished steps.
        best_score: best mean validation score so far.
        best: weights at that step.
        waited: validations since then.
        log: one row for each step, with the columns LOG.
        seconds: time spent so far, including that before an interruption.
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
    """Save the state that `restore_run` reads.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {f"model.{name}": tensor for name, tensor in learner.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in progress.best.items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in values.items()}
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
    """Restore learner and optimizer; the file of another run is ignored.

    Raises:
        ModelError: the file is damaged or not a checkpoint.
    """
    if not path.exists():
        return Progress()
    tensors, header = read_tensors(path, KIND)
    if header.get("fingerprint") != fingerprint:
        return Progress()
    try:
        _require_finite(tensors)
        learner.load_state_dict(_part(tensors, "model"))
        _restore_optimizer(optimizer, _part(tensors, "optimizer"))
        progress = _progress(tensors, header)
        _require_shapes(progress.best, learner.state_dict())
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path}: does not match its run; got {one_line(error)}, expected its "
            "checkpoint. Delete it to restart the training."
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


def _require_finite(tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        # The log is NaN at steps without a validation.
        if name != "log" and not torch.isfinite(tensor).all():
            raise ValueError(f"'{name}' with values that are not finite")


def _require_shapes(saved: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    shapes = {name: tensor.shape for name, tensor in saved.items()}
    if shapes and shapes != {name: tensor.shape for name, tensor in expected.items()}:
        raise ValueError(f"other shapes: {shapes}")


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, part = name.split(".")
        moments.setdefault(int(index), {})[part] = tensor.clone()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for index, parts in moments.items():
        like = torch.empty_like(parameters[index], device="meta")
        expected = {"step": torch.empty(()), "exp_avg": like, "exp_avg_sq": like}
        _require_shapes(parts, expected)
    # Rates are set in every step, so the file holds the moments only.
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def _part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
