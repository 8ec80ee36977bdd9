"""How Arrow keeps the memory it has used."""

import pyarrow as pa


def give_memory_back() -> None:
    """Let Arrow allocate with jemalloc where it can; its default keeps some 100 MB for nothing."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
