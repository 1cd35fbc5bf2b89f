"""The training loop of all learners: steps, schedule, validation and checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from molmeta.assays.records import hide_own_targets
from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError, ModelError, MolMetaError
from molmeta.models.model import Model
from molmeta.molecules.featurizers import revision
from molmeta.runtime.seeds import torch_seed
from molmeta.runtime.tensorfiles import read_tensors, write_tensors
from molmeta.training.checkpoints import LOG, Progress, restore_run, save_run
from molmeta.training.checks import (
    learning_measurements,
    require_consistent,
    require_weights,
    sees_vectors_only,
)
from molmeta.training.devices import fabric_of
from molmeta.training.optimizer import optimizer_of, schedule
from molmeta.training.sampler import Sampler
from molmeta.training.start import start_from
from molmeta.training.validation import judged_by, validation_score
from molmeta.version import __version__

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import Tensor

    from molmeta.assays.measurements import Measurements
    from molmeta.learners.base import LearnsMeasurements
    from molmeta.training.task import Task

Report = Callable[[int], None]
"""Receives the number of steps since the last call."""
Validated = Callable[[int, float], None]
"""Receives the step and the score of a validation; what it raises ends the run."""

_linalg: Any = torch.linalg


def train(
    task: Task,
    *,
    checkpoint: Path | None = None,
    report: Report | None = None,
    validated: Validated | None = None,
) -> tuple[Model, pd.DataFrame]:
    """Meta-train and return the model with the best validation score, and a log of all steps.

    After an interruption, the same call with the same checkpoint resumes from it. It ends with
    the same weights, bit for bit on a CPU.

    Args:
        task: recipe, options and data of the run.
        checkpoint: file for the state of the run; the caller may delete it at the end.
        report: receives the number of steps since the last call.
        validated: receives the score of each validation; with several devices it is not called.

    Raises:
        ConfigError: options do not fit together.
        EpisodeError: no assay is large enough for a support size.
        ModelError: the loss is not finite, or the checkpoint is damaged.
    """
    require_consistent(task)
    with TemporaryDirectory() as folder:
        outcome = Path(folder) / "outcome.safetensors"
        # Processes of several devices cannot call back.
        watch = validated if task.training.devices == 1 else None
        run = partial(_run, task=task, checkpoint=checkpoint, outcome=outcome, report=report,
                      validated=watch)  # fmt: skip
        error = fabric_of(task.training.devices).launch(run)
        if error is not None:
            raise error
        tensors, history = read_tensors(outcome, "outcome")
        log = pd.DataFrame(tensors.pop("log").numpy().copy(), columns=list(LOG))
        learner = task.recipe.build(task.seed)
        learner.load_state_dict(tensors)
        learner.finish()
    del history["kind"]
    return Model(learner.eval(), task.recipe, history), log


def _run(
    fabric: Fabric,
    *,
    task: Task,
    checkpoint: Path | None,
    outcome: Path,
    report: Report | None,
    validated: Validated | None,
) -> MolMetaError | None:
    """Train in one of several processes, and write the result from the first one.

    Only a short error is returned: the pipe between processes holds 64 KB, and a tensor would be
    lost with the process that owns it.
    """
    torch.set_num_threads(task.training.threads)
    try:
        run = _Run(fabric, task, checkpoint)
        run.go(report if fabric.is_global_zero else None, validated)
    except MolMetaError as error:
        return error
    if fabric.is_global_zero:
        log = torch.tensor(run.progress.log, dtype=torch.float64).reshape(-1, len(LOG))
        write_tensors(outcome, {**run.progress.best, "log": log}, run.history())
    return None


class _Run:
    """The part of a training run in one process: the learner, its optimiser and the progress."""

    def __init__(self, fabric: Fabric, task: Task, checkpoint: Path | None) -> None:
        options, device = task.training, fabric.device
        # Neither is fully typed, which strict type checking would refuse.
        self.fabric: Any = fabric
        self.optimizer: Any
        self.task, self.checkpoint = task, checkpoint
        self.learner = task.recipe.build(task.seed).to(device)
        require_weights(self.learner, task)
        if self.learner.target == "value" and options.prevalence is not None:
            raise ConfigError(
                "training: decoys have no values; got 'prevalence' with 'target: value', "
                "expected one of them. Remove 'prevalence', or predict activity."
            )
        self.molecules = task.molecules.only(self.learner.featurizers).to(device)
        data = TrainingData(self.molecules, task.train)
        self.n_compounds = len(data.rows)
        self.learner.fit(data)
        if task.init:
            start_from(self.learner, task.init)
        self.measured: tuple[LearnsMeasurements, Measurements] | None = None
        if options.compounds:
            learner = learning_measurements(self.learner)
            self.measured = (learner, learner.measurements(data))
        if options.encoder_rate == 0 and sees_vectors_only(self.learner):
            # Nothing changes these vectors any more, so they are computed once.
            self.molecules = self.learner.eval().prepare(self.molecules)
        self.sampler = Sampler(
            task.train, options.supports, options.n_query, options.share, task.seed,
            options.prevalence,
        )  # fmt: skip
        self.optimizer = optimizer_of(self.learner, options)
        self.progress = Progress()
        self.fingerprint = task.fingerprint
        if checkpoint is not None:
            self.progress = restore_run(checkpoint, self.fingerprint, self.learner, self.optimizer)

    def go(self, report: Report | None, validated: Validated | None) -> None:
        options, progress = self.task.training, self.progress
        saved = time.monotonic()
        # Set back by the time before an interruption, so that the log continues from it.
        began = saved - progress.seconds
        if report is not None:
            report(progress.step)
        if options.steps == 0:
            self.validate()
        while progress.step < options.steps and not 0 < options.patience <= progress.waited:
            row = self.step(progress.step + 1)
            progress.step += 1
            valid = self.validate() if self.is_validated(progress.step) else math.nan
            progress.seconds = time.monotonic() - began
            progress.log.append((*row, progress.seconds, valid))
            if validated is not None and self.is_validated(progress.step):
                validated(progress.step, valid)
            if time.monotonic() - saved > options.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
            if report is not None:
                report(1)

    def is_validated(self, step: int) -> bool:
        options = self.task.training
        return step % options.validate_every == 0 or step == options.steps

    def step(self, step: int) -> tuple[float, ...]:
        """Take one optimiser step; return its row of the log without seconds and validation."""
        task, fabric, options = self.task, self.fabric, self.task.training
        rate = options.learning_rate * schedule(step, options)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.learner.train()
        self.optimizer.zero_grad(set_to_none=False)
        with torch_seed(task.seed, "dropout", step, fabric.global_rank), fabric.autocast():
            loss = self.averaged(self.backward(step))
        norm = float(torch.nn.utils.clip_grad_norm_(self.learner.parameters(), options.clip))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise ModelError(
                f"training: the loss is not finite at step {step}; got {loss} with gradient "
                f"norm {norm}, expected numbers. Lower 'learning_rate' or 'clip' in the recipe."
            )
        self.optimizer.step()
        return float(step), loss, norm, rate

    def backward(self, step: int) -> float:
        """Compute the gradients and return the loss, NaN if a linear system cannot be solved."""
        options, rank, size = self.task.training, self.fabric.global_rank, self.fabric.world_size
        # Each process draws the whole step and takes its share, so that nothing has to be sent.
        if self.measured is not None:
            learner, measurements = self.measured
            compounds = measurements.drawn(step, options.compounds, self.task.seed)[rank::size]
            return learner.backward_measurements(measurements.select(compounds), self.molecules)
        episodes = self.sampler.episodes(step, options.episodes)[rank::size]
        try:
            return self.learner.backward(*hide_own_targets(self.learner, episodes, self.molecules))
        except _linalg.LinAlgError:
            return math.nan

    def averaged(self, loss: float) -> float:
        """Average the gradients and the loss over all processes."""
        if self.fabric.world_size == 1:
            return loss
        gradients = [p.grad for p in self.learner.parameters() if p.grad is not None]
        first = torch.tensor([loss], device=self.fabric.device)
        flat = torch.cat([first, *(gradient.flatten() for gradient in gradients)])
        mean: Tensor = self.fabric.all_reduce(flat, reduce_op="mean")
        parts = torch.split(mean[1:], [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return float(mean[0])

    def validate(self) -> float:
        """Return the mean score of the validation assays, and keep the weights if it is the best.

        Weights without a score are kept as long as no weights had one.
        """
        assays = self.task.valid[self.fabric.global_rank :: self.fabric.world_size]
        judge = partial(validation_score, self.learner, self.molecules, self.task)
        scores = [score for score in map(judge, assays) if math.isfinite(score)]
        sums = torch.tensor([math.fsum(scores), len(scores)], dtype=torch.float64)
        over_all = self.fabric.all_reduce(sums.to(self.fabric.device), reduce_op="sum")
        total, n = map(float, over_all)
        score, progress = total / n if n else math.nan, self.progress
        progress.waited += 1
        if score > progress.best_score or not math.isfinite(progress.best_score):
            weights = self.learner.state_dict()
            # Clones, because `state_dict` shares memory with the weights that later steps change.
            progress.best = {name: tensor.detach().clone() for name, tensor in weights.items()}
            progress.best_score, progress.waited = score, 0
        return score

    def save(self) -> None:
        if self.checkpoint is not None and self.fabric.is_global_zero:
            save_run(self.checkpoint, self.fingerprint, self.learner, self.optimizer, self.progress)

    def history(self) -> dict[str, Any]:
        """Return the history that is saved with the model, as plain values."""
        task, progress = self.task, self.progress
        return {
            "kind": "outcome",
            "version": __version__,
            "torch": str(torch.__version__),
            "seed": task.seed,
            "training": task.training.model_dump(mode="json"),
            "fingerprint": self.fingerprint,
            "steps": progress.step,
            "seconds": round(progress.seconds, 1),
            f"validation_{judged_by(task.training)}": progress.best_score,
            "n_compounds": self.n_compounds,
            "featurizers": {name: revision(name) for name in self.learner.featurizers},
            "assays": [assay.name for assay in task.train],
        }
