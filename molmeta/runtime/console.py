"""Console output of all commands: log lines with a start and an end, and a progress bar."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

logger = logging.getLogger("molmeta")


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
    """Yield a function that advances a progress bar by a number of items.

    Without a terminal, a line is logged every 5 percent, or every 100,000 items if the total is
    None.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(what, total=total)
            yield lambda n: progress.advance(task, n)
    else:
        yield _counted(what) if total is None else _logged(total, what)


def _counted(what: str, *, every: int = 100_000) -> Callable[[int], None]:
    done = 0

    def advance(n: int) -> None:
        nonlocal done
        done += n
        if done // every > (done - n) // every:
            logger.info("%s: %d done", what, done)

    return advance


def _logged(total: int, what: str) -> Callable[[int], None]:
    done = logged_percent = 0

    def advance(n: int) -> None:
        nonlocal done, logged_percent
        done += n
        percent = 5 * (20 * done // max(total, 1))
        if percent > logged_percent:
            logged_percent = percent
            logger.info("%s: %d of %d (%d %%)", what, done, total, percent)

    return advance


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
