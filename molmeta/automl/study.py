"""Opens the storage of a search, which several workers can share."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from typing import TYPE_CHECKING, Any

import optuna
from optuna.exceptions import ExperimentalWarning, OptunaError
from optuna.storages import InMemoryStorage, RDBStorage
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from molmeta.errors import ConfigError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

HEARTBEAT, GRACE = 10, 60
"""Seconds between signs of life of a worker, and without one until its trial is repeated."""
WARM = 5
"""Best trials that are taken from an earlier study."""
SQLITE_SECONDS = 60
UNUSABLE = (
    SQLAlchemyError, OptunaError, ImportError, ValueError, LookupError, RuntimeError,
    AssertionError, AttributeError,
)  # fmt: skip
"""What Optuna and databases raise for a damaged, locked or foreign storage."""
FINISHED = (
    optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.FAIL,
)  # fmt: skip
FAILURE, WORKER = "failure", "worker"
"""Attributes of a trial: why its setting cannot be judged; host and process that try it."""
_log = logging.getLogger(__name__)


def open_study(storage: str, name: str) -> optuna.Study:
    """Open the study of this name, or begin it.

    Args:
        storage: a file for SQLite, or the URL of any database that Optuna supports; "" keeps the
            study in memory.
        name: of the study.

    Raises:
        ConfigError: the storage is damaged, locked, or not one of Optuna.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(
            storage=_storage(storage),
            study_name=name,
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
            load_if_exists=True,
        )
    except UNUSABLE as error:
        raise _unusable(storage, error) from error


def earlier_settings(storage: str, learner: str) -> list[dict[str, Any]]:
    """Return the parameters of the best trials of earlier studies of a learner, best first.

    Raises:
        ConfigError: as `open_study`.
    """
    try:
        backend = _storage(storage) or InMemoryStorage()
        names = optuna.get_all_study_names(storage=backend)
        studies = [optuna.load_study(study_name=n, storage=backend) for n in names]
        trials = [
            trial
            for study in studies
            if study.user_attrs.get("learner") == learner
            for trial in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
        ]
    except UNUSABLE as error:
        raise _unusable(storage, error) from error
    # A complete trial has a value, which the types of Optuna do not say.
    best = sorted(trials, key=lambda trial: trial.value or 0.0, reverse=True)[:WARM]
    return [dict(trial.params) for trial in best]


def judged(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the trials with a result, in their order; that of a killed worker has none."""
    ended = study.get_trials(deepcopy=False, states=FINISHED)
    return [
        trial
        for trial in ended
        if trial.state != optuna.trial.TrialState.FAIL or FAILURE in trial.user_attrs
    ]


def this_worker() -> list[Any]:
    """Return host and process, as a trial records them."""
    return [socket.gethostname(), os.getpid()]


def repeat_abandoned(study: optuna.Study) -> None:
    """Let the next trial repeat one whose process on this host was killed.

    For processes elsewhere, Optuna does this when signs of life are missing for `GRACE` seconds.
    """
    for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        host, process = trial.user_attrs.get(WORKER, ("", 0))
        if host == socket.gethostname() and not _alive(process):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
            _repeat(study, trial)


def enqueue_next(study: optuna.Study, settings: Sequence[dict[str, Any]]) -> None:
    """Let the next trial try the first of these settings that the study has not had.

    One at a time, so that the repetition of a killed trial keeps its place.
    """
    if study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.WAITING]):
        return
    had = len(study.get_trials(deepcopy=False))
    for setting in filter(None, settings):
        study.enqueue_trial(setting, skip_if_exists=True)
        if len(study.get_trials(deepcopy=False)) > had:
            return


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _storage(storage: str) -> RDBStorage | None:
    if not storage:
        return None
    url = storage if "://" in storage else f"sqlite:///{storage}"
    # Workers that write at the same time wait for each other. A study is never closed, so none of
    # its connections may stay open.
    waiting = {"connect_args": {"timeout": SQLITE_SECONDS}, "poolclass": NullPool}
    with warnings.catch_warnings():
        # Signs of life are marked as experimental since 2021.
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RDBStorage(
            url,
            engine_kwargs=waiting if url.startswith("sqlite") else None,
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=_repeat,
        )


def _repeat(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
    """Let another worker try the setting of a worker that was killed."""
    study.enqueue_trial(trial.params)


def _unusable(storage: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"--storage: '{storage}' cannot be used; got '{one_line(error)[:200]}', expected a "
        "database of Optuna or a new file. Name another file, or wait until it is not locked."
    )
