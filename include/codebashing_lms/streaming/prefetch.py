"""Work for a second thread: Arrow, numpy and the system let go of Python's lock while they work.

How Arrow keeps the memory it has used.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

import pyarrow as pa

Item = TypeVar("Item")


@contextmanager
def prefetch(items: Generator[Item]) -> Iterator[Iterator[Item]]:
    """Let another thread make the items, one ahead and no more; its errors are raised where they are taken.

    When the block ends, however it does, the other thread has ended, and so has the generator.
    """
    with closing(items), ThreadPoolExecutor(1) as thread:
        yield _one_ahead(items, thread)


def _one_ahead(items: Iterator[Item], thread: Executor) -> Iterator[Item]:
    nothing = object()
    coming = thread.submit(next, items, nothing)
    while (item := coming.result()) is not nothing:
        coming = thread.submit(next, items, nothing)
        yield item  # type: ignore[misc]


def use_jemalloc() -> None:
    """Let Arrow allocate with jemalloc where it can; its default keeps some 100 MB for nothing."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
