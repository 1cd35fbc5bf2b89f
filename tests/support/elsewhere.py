"""An output that another run is writing, played by another thread."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from molmeta.runtime.locks import exclusive


@contextmanager
def being_written(output):
    """Hold the lock of an output as another run would; locks belong to threads."""
    with ThreadPoolExecutor(1) as other:
        lock = exclusive(output)
        other.submit(lock.__enter__).result()
        try:
            yield
        finally:
            other.submit(lock.__exit__, None, None, None).result()
