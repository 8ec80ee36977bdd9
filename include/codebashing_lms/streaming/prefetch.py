"""Makes the next item in a second thread; chooses how Arrow allocates memory."""

from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

import pyarrow as pa

Item = TypeVar("Item")


@contextmanager
def prefetch(items: Generator[Item]) -> Iterator[Iterator[Item]]:
    """Make the items in a second thread, never more than one in advance.

    The threads work at the same time wherever Arrow, numpy or the system release Python's lock. An error of
    the generator is raised where the item is taken. When the block ends, with or without an error, the thread
    has ended and the generator is closed.
    """
    with closing(items), ThreadPoolExecutor(1) as thread:
        yield _one_in_advance(items, thread)


def _one_in_advance(items: Iterator[Item], thread: Executor) -> Iterator[Item]:
    end = object()
    coming = thread.submit(next, items, end)
    while (item := coming.result()) is not end:
        coming = thread.submit(next, items, end)
        yield item  # type: ignore[misc]


def use_jemalloc() -> None:
    """Let Arrow allocate with jemalloc, if present; Arrow's default keeps some 100 MB of freed memory."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
