"""Maps a function over lists and streams on several processes, in order.

Only a few items are taken ahead of the results. If a worker process is killed, the work ends with a
named error; if the main process is killed, its workers end.
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
"""Items sent at once: about 0.5 s of RDKit work, and about 1 ms to send them."""
AHEAD = 2
"""Items of a stream that wait for each process; `Executor.map` would take all of them at once."""


def streamed(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    cores: int = 1,
    threads: bool = False,
) -> Iterator[Result]:
    """Yield `function(item)` for every item of a stream, which may be endless, in its order.

    Args:
        function: a function of a module or a `partial` of one, which can be pickled by name.
        items: each about 0.1 s of work or more; at most AHEAD for each core are taken ahead.
        cores: processes to use; with 1, the work is done in this process.
        threads: use threads of this process, for functions that release the GIL, as torch does.

    Raises:
        WorkerError: a worker process was killed.

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
            pending = deque(islice(tasks, AHEAD * cores))
            while pending:
                yield pending.popleft().result()
                # Runs when the caller asks for more, so a slow caller slows the reading too.
                pending.extend(islice(tasks, 1))
    except BrokenProcessPool as error:
        raise WorkerError(
            f"process: one of {cores} worker processes was killed; got '{error}', expected it to "
            "finish its part. If memory was short, use fewer --cores; then run the command again."
        ) from error


def mapped(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    cores: int = 1,
    chunk: int = CHUNK,
) -> list[Result]:
    """Return `function(item)` for every item, in the order of the items.

    A single chunk is done in this process, as starting another one takes half a second.

    Args:
        function: as in `streamed`.
        items: picklable.
        cores: processes to use, at least 1.
        chunk: items that a process takes at once.

    Raises:
        WorkerError: a worker process was killed.

    Example:
        >>> mapped(len, ["C", "CC"], cores=2)
        [1, 2]
    """
    parts = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    done = streamed(partial(_each, function), parts, cores=min(cores, len(parts)))
    return [result for results in done for result in results]


def _each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]


@contextmanager
def _pool(cores: int, *, threads: bool) -> Generator[Executor]:
    if threads:
        pool: Executor = ThreadPoolExecutor(cores)
    else:
        # A plain fork copies locks that threads of torch may hold, and the worker would hang.
        context = get_context("forkserver")
        plugins = tuple(registry.loaded_plugins().values())
        pool = ProcessPoolExecutor(
            cores, mp_context=context, initializer=_begin, initargs=(plugins,)
        )
    try:
        yield pool
    finally:
        # If the caller stops early, nobody takes the queued results: do not compute them.
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(plugins: tuple[str, ...]) -> None:
    _end_with_parent()
    for source in plugins:
        registry.load_plugin(source)


def _end_with_parent() -> None:
    """End this process when the main process is killed; otherwise it would wait forever."""
    parent = parent_process()
    if parent is not None:
        # sys.exit would end only this thread; os._exit ends the process.
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
