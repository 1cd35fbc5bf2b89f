"""The same function over many items, on several processes; keeps the order. Knows no chemistry.

One mechanism serves lists and streams: few items are ahead of what is taken, a process that is
killed ends the work with a named error, and the processes end with the one that started them.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, TypeVar

from molmeta import registry
from molmeta.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 1_000
"""Items sent at once: some 0.5 s of RDKit work, against about 1 ms to send them."""
AHEAD = 2
"""Items of a stream that wait for each process; a pool's own `map` would take in all of it."""


def streamed(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    cores: int = 1,
    threads: bool = False,
) -> Iterator[Result]:
    """Yield `function(item)` for every item, in the order of the items, which may never end.

    Args:
        function: a function of a module or a `partial` of one, so that it can be sent by name.
        items: each some 0.1 s of work or more; AHEAD of each core are taken before they are due.
        cores: processes to use; 1 works in this one.
        threads: work in threads of this process, for functions that let others run, as torch's.

    Raises:
        WorkerError: a process was ended from outside.

    Example:
        >>> list(streamed(len, ["C", "CC"]))
        [1, 2]
    """
    if cores <= 1:
        yield from map(function, items)
        return
    try:
        with _pool(cores, threads=threads) as pool:
            tasks = (pool.submit(function, item) for item in items)
            waiting = deque(islice(tasks, AHEAD * cores))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(islice(tasks, 1))
    except BrokenProcessPool as error:
        raise WorkerError(
            f"process: one of {cores} was ended from outside; got '{error}', expected it to finish "
            "its part. Where memory was short, use fewer --cores; then run the same command again."
        ) from error


def mapped(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    cores: int = 1,
    chunk: int = CHUNK,
    progress: Callable[[int], None] | None = None,
) -> list[Result]:
    """Return `function(item)` for every item, in the order of the items.

    Few items, or one core, are done in this process: starting others costs half a second each.

    Args:
        function: as `streamed` takes it.
        items: what can be pickled.
        cores: processes to use, at least 1.
        chunk: items a process takes at once.
        progress: called with the number of items done since the last call.

    Raises:
        WorkerError: a process was ended from outside.

    Example:
        >>> mapped(len, ["C", "CC"], cores=2)
        [1, 2]
    """
    parts = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    done: list[Result] = []
    for results in streamed(partial(_each, function), parts, cores=min(cores, len(parts))):
        done.extend(results)
        if progress is not None:
            progress(len(results))
    return done


def _each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]


@contextmanager
def _pool(cores: int, *, threads: bool) -> Generator[Executor]:
    if threads:
        pool: Executor = ThreadPoolExecutor(cores)
    else:
        context = get_context("forkserver")
        plugins = tuple(registry.loaded_plugins().values())
        pool = ProcessPoolExecutor(
            cores, mp_context=context, initializer=_begin, initargs=(plugins,)
        )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(plugins: tuple[str, ...]) -> None:
    _end_with_parent()
    for source in plugins:
        registry.load_plugin(source)


def _end_with_parent() -> None:
    """End this process when the one that started it is killed; it would wait for ever."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
