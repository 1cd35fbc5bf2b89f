"""A run that is interrupted anywhere ends as if it never had been."""

import os
import pickle
import signal
import subprocess
import sys

import pytest
import safetensors.torch
import torch
from paths import ROOT
from safetensors.torch import load_file, save_file
from toy_training import recipe, task

from molmeta import learners
from molmeta.errors import ModelError
from molmeta.runtime.tensorfiles import read_tensors, write_tensors
from molmeta.training.loop import train

META_TRAINED = [name for name in learners.names() if learners.get(name).meta_trained]
LOGGED = ["step", "loss", "grad_norm", "learning_rate", "valid"]
STEPS = 12

VICTIM = """
import sys
from pathlib import Path
from toy_training import task
from molmeta.training.loop import train
train(task(steps=12), checkpoint=Path(sys.argv[1]), report=lambda n: print(n, flush=True))
"""

PARALLEL = """
import sys
from pathlib import Path
import safetensors.torch
from toy_training import recipe, task
from molmeta.training.loop import train
chosen = recipe("mann", dropout=0.0, bit_dropout=0.0)
model, log = train(task(chosen, steps=4, episodes=4, devices=int(sys.argv[1])))
safetensors.torch.save_file(model.learner.state_dict(), sys.argv[2])
log.to_parquet(sys.argv[3])
"""


class InterruptedTrainingError(Exception):
    pass


def stopping_at(step):
    done = 0

    def report(n):
        nonlocal done
        done += n
        if done == step:
            raise InterruptedTrainingError

    return report


def interrupted(path, step=3, chosen=None):
    """Leave a checkpoint of the step before the interruption: the last one was not written."""
    with pytest.raises(InterruptedTrainingError):
        train(chosen or task(), checkpoint=path, report=stopping_at(step))
    return path


def raw(model):
    return safetensors.torch.save(model.learner.state_dict())


def environment():
    folder = str(ROOT / "tests" / "support")
    return {**os.environ, "PYTHONPATH": folder, "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("step", [1, 2, 3, 5, 6])
def test_an_interrupted_run_ends_with_the_same_weights_bit_for_bit(tmp_path, step):
    path = interrupted(tmp_path / "run.checkpoint", step)
    assert raw(train(task(), checkpoint=path)[0]) == raw(train(task())[0])


@pytest.mark.parametrize(
    ("name", "options"), [*((name, {}) for name in META_TRAINED), ("multitask", {"compounds": 20})]
)
def test_every_learner_goes_on_where_it_was(tmp_path, name, options):
    chosen = task(recipe(name), steps=4, **options)
    path = interrupted(tmp_path / "run.checkpoint", 2, chosen)
    assert raw(train(chosen, checkpoint=path)[0]) == raw(train(chosen)[0])


def test_an_interrupted_run_has_the_same_log_but_for_the_seconds(tmp_path):
    path = interrupted(tmp_path / "run.checkpoint")
    resumed, whole = train(task(), checkpoint=path)[1], train(task())[1]
    assert resumed[LOGGED].equals(whole[LOGGED])


def test_seconds_go_on_from_where_they_were(tmp_path):
    path = interrupted(tmp_path / "run.checkpoint")
    _, header = read_tensors(path, "checkpoint")
    _, log = train(task(), checkpoint=path)
    assert (log["seconds"].diff().dropna() >= 0).all()
    assert log["seconds"].iloc[-1] > header["seconds"]


def test_a_resumed_run_does_only_what_is_left(tmp_path):
    path = interrupted(tmp_path / "run.checkpoint", 5)
    told = []
    train(task(), checkpoint=path, report=told.append)
    assert told == [5, 1]


def test_patience_goes_on_from_where_it_was(tmp_path):
    options = {"steps": 50, "validate_every": 1, "patience": 4, "learning_rate": 0.0}
    path = interrupted(tmp_path / "run.checkpoint", 3, task(**options))
    _, log = train(task(**options), checkpoint=path)
    assert len(log) == 5


def test_a_finished_run_is_not_trained_again(tmp_path):
    path = tmp_path / "run.checkpoint"
    first, _ = train(task(), checkpoint=path)
    told = []
    second, _ = train(task(), checkpoint=path, report=told.append)
    assert told == [6]
    assert raw(second) == raw(first)


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"learning_rate": 0.02}, {"steps": 7}, {"n_query": 9}]
)
def test_another_task_does_not_go_on_from_a_checkpoint(tmp_path, other):
    path = interrupted(tmp_path / "run.checkpoint")
    assert raw(train(task(**other), checkpoint=path)[0]) == raw(train(task(**other))[0])


def test_another_learner_does_not_go_on_from_a_checkpoint(tmp_path):
    path = interrupted(tmp_path / "run.checkpoint")
    chosen = task(recipe("maml"), steps=2)
    assert raw(train(chosen, checkpoint=path)[0]) == raw(train(chosen)[0])


def test_no_checkpoint_is_written_before_its_time(tmp_path):
    path = tmp_path / "run.checkpoint"
    train(task(checkpoint_seconds=1000.0), checkpoint=path)
    assert not path.exists()


@pytest.mark.parametrize("step", [2, 7])
def test_a_killed_process_ends_as_an_uninterrupted_one(tmp_path, step):
    path = tmp_path / "run.checkpoint"
    command = [sys.executable, "-W", "ignore", "-c", VICTIM, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        for _ in range(step + 1):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    _, header = read_tensors(path, "checkpoint")
    assert header["step"] >= step
    (model, log), (whole, expected) = (
        train(task(steps=STEPS), checkpoint=path),
        train(task(steps=STEPS)),
    )
    assert raw(model) == raw(whole)
    assert log[LOGGED].equals(expected[LOGGED])


@pytest.mark.slow
def test_two_processes_end_close_to_one(tmp_path):
    found = []
    for devices in ("1", "2"):
        files = [str(tmp_path / f"{devices}.{suffix}") for suffix in ("safetensors", "parquet")]
        command = [sys.executable, "-W", "ignore", "-c", PARALLEL, devices, *files]
        subprocess.run(command, check=True, env=environment(), capture_output=True, timeout=300)
        found.append(load_file(files[0]))
    one, two = found
    torch.testing.assert_close(two, one, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_an_error_in_one_of_two_processes_is_the_users_as_ever():
    script = PARALLEL.replace("steps=4", "steps=4, learning_rate=1e30, warmup=0.0")
    script = script.replace("model, log =", "from molmeta.errors import ModelError\ntry:\n    ")
    head, _, _ = script.partition("safetensors.torch.save_file")
    code = f"{head}except ModelError as error:\n    print(error)\n"
    command = [sys.executable, "-W", "ignore", "-c", code, "2"]
    found = subprocess.run(
        command, check=True, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert "training: the loss is not finite at step 2" in found.stdout


def refused(path):
    with pytest.raises(ModelError) as caught:
        train(task(), checkpoint=path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_checkpoint_is_refused(tmp_path, share):
    path = interrupted(tmp_path / "run.checkpoint")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path)


def test_a_pickle_in_the_place_of_a_checkpoint_is_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    path = tmp_path / "run.checkpoint"
    path.write_bytes(pickle.dumps(Bomb()))
    refused(path)


def test_a_model_in_the_place_of_a_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.checkpoint"
    write_tensors(path, {"weight": torch.zeros(1)}, {"kind": "model"})
    refused(path)


def test_a_folder_in_the_place_of_a_checkpoint_is_refused(tmp_path):
    refused(tmp_path)


def wide(tensor):
    return torch.zeros(*tensor.shape, 2)


TENSORS = {
    "other weights": ("model.encoder.last.bias", wide),
    "other best weights": ("best.encoder.last.bias", wide),
    "moments of another shape": ("optimizer.0.exp_avg", wide),
    "moments of a weight that is not there": ("optimizer.99.step", lambda _: torch.zeros(())),
    "moments of a kind that is not there": ("optimizer.0.oracle", lambda _: torch.zeros(())),
    "moments without a number": ("optimizer.x.step", lambda _: torch.zeros(())),
    "moments without a kind": ("optimizer.0", lambda _: torch.zeros(())),
    "a log of another width": ("log", lambda t: t[:, :3].contiguous()),
    "a log of another length": ("log", lambda t: t[:1]),
    "weights that the learner has not": ("model.extra", lambda _: torch.zeros(1)),
}


@pytest.mark.parametrize("name", list(TENSORS))
def test_a_checkpoint_is_refused_that_has(tmp_path, name):
    path = interrupted(tmp_path / "run.checkpoint", 4)
    key, change = TENSORS[name]
    tensors, header = read_tensors(path, "checkpoint")
    write_tensors(path, {**tensors, key: change(tensors.get(key))}, header)
    refused(path)


HEADERS = {
    "a step that is text": {"step": "three"},
    "a step below zero": {"step": -1},
    "no step": {"step": None},
    "a score that is text": {"best_score": "high"},
    "seconds that are none": {"seconds": None},
    "patience that is a list": {"waited": [1]},
}


@pytest.mark.parametrize("name", list(HEADERS))
def test_a_checkpoint_is_refused_whose_header_has(tmp_path, name):
    path = interrupted(tmp_path / "run.checkpoint", 4)
    tensors, header = read_tensors(path, "checkpoint")
    write_tensors(path, tensors, {**header, **HEADERS[name]})
    refused(path)


def test_a_checkpoint_of_a_foreign_program_is_refused(tmp_path):
    path = tmp_path / "run.checkpoint"
    save_file({"weight": torch.zeros(1)}, path, {"format": "pt"})
    refused(path)
