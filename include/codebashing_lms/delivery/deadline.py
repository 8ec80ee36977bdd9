"""An end in time for a whole delivery: time-outs bound only the wait for the next byte."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from include.codebashing_lms.errors import CodebashingLmsError, DeliveryUnavailableError


@contextmanager
def ends_in_time(cut: Callable[[], None], seconds: float, address: str) -> Iterator[None]:
    """Cut the connection when the time is up, and say that this is what the block failed of."""
    late = threading.Event()

    def time_is_up() -> None:
        """Cut the connection from another thread: the block fails of what it waits for."""
        late.set()
        with suppress(OSError):
            cut()

    watchdog = threading.Timer(seconds, time_is_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    except CodebashingLmsError:
        if not late.is_set():
            raise
        raise DeliveryUnavailableError(
            f"delivery.deadline ended the delivery to {address} before its result was known."
        ) from None
    finally:
        watchdog.cancel()
