"""Console output of all commands: log lines with a start and an end, and a progress bar."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

logger = logging.getLogger("molmeta")


def show(*, quiet: bool, verbose: bool) -> None:
    """Set how much the commands show: warnings alone, log lines, or details as well."""
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)


@contextmanager
def session(verb: str, **inputs: object) -> Generator[dict[str, Any]]:
    """Log the inputs of a command and, at its end, what it has put into the yielded mapping."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=f"%(asctime)s {verb} %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    for noisy in ("lightning_fabric", "lightning", "torch", "pytorch_lightning"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    began = time.monotonic()
    logger.info("molmeta %s: %s", __version__, _pairs(inputs))
    outcome: dict[str, Any] = {}
    yield outcome
    logger.info("done in %.1f s: %s", time.monotonic() - began, _pairs(outcome))


@contextmanager
def bar(total: int | None, what: str) -> Generator[Callable[[int], None]]:
    """Yield a function that advances a progress bar by a number of items, called `what`.

    Without a terminal, a line is logged every 5 percent, or every 100,000 items if the total is
    None. Both show the rate, and the time left if the total is known.
    """
    if sys.stderr.isatty() and logger.isEnabledFor(logging.INFO):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        rate = TextColumn("{task.fields[rate]}")
        clock = TimeElapsedColumn() if total is None else TimeRemainingColumn()
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), rate, clock)
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(what, total=total, rate="")

            def advance(n: int) -> None:
                progress.advance(task, n)
                progress.update(task, rate=_rate(progress.tasks[0].speed))

            yield advance
    else:
        yield _logged(total, what)


def _logged(total: int | None, what: str) -> Callable[[int], None]:
    done = logged_steps = 0
    step = 100_000 if total is None else max(total, 1) / 20
    began = time.monotonic()

    def advance(n: int) -> None:
        nonlocal done, logged_steps
        done += n
        if done // step <= logged_steps:
            return
        logged_steps = done // step
        speed = done / max(time.monotonic() - began, 1e-9)
        if total is None:
            logger.info("%s: %d done, %s", what, done, _rate(speed))
        else:
            rest = timedelta(seconds=round((total - done) / speed))
            percent = 5 * int(logged_steps)
            logger.info(
                "%s: %d of %d (%d %%), %s, %s left", what, done, total, percent, _rate(speed), rest
            )

    return advance


def _rate(per_second: float | None) -> str:
    """Return a rate as text: per second, or per minute if it is slow."""
    if not per_second:
        return ""
    return f"{per_second:,.0f}/s" if per_second >= 1 else f"{60 * per_second:.1f}/min"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
