"""Opens the storage of a search, which several workers can share."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import optuna
from optuna.exceptions import ExperimentalWarning, OptunaError
from optuna.storages import InMemoryStorage, RDBStorage
from sqlalchemy.exc import SQLAlchemyError

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
_log = logging.getLogger(__name__)


def open_study(storage: str, name: str, *, seed: int = 0) -> optuna.Study:
    """Open the study of this name, or begin it.

    Args:
        storage: a file for SQLite, or the URL of any database that Optuna supports; "" keeps the
            study in memory.
        name: of the study.
        seed: of the sampler.

    Raises:
        ConfigError: the storage is damaged, locked, or not one of Optuna.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(
            storage=_storage(storage),
            study_name=name,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
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
    return [dict(trial.params) for trial in sorted(trials, key=_score, reverse=True)[:WARM]]


def enqueue(study: optuna.Study, settings: Sequence[dict[str, Any]]) -> None:
    """Let the next trials try these settings, unless the study has had them."""
    for setting in settings:
        if setting:
            study.enqueue_trial(setting, skip_if_exists=True)


def _score(trial: optuna.trial.FrozenTrial) -> float:
    return -float("inf") if trial.value is None else trial.value


def _storage(storage: str) -> RDBStorage | None:
    if not storage:
        return None
    url = storage if "://" in storage else f"sqlite:///{storage}"
    sqlite = url.startswith("sqlite")
    with warnings.catch_warnings():
        # Signs of life are marked as experimental since 2021.
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RDBStorage(
            url,
            # Workers that write at the same time wait for each other.
            engine_kwargs={"connect_args": {"timeout": SQLITE_SECONDS}} if sqlite else None,
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
