"""An end in time for a whole delivery: time-outs bound only the wait for the next byte.

The connections under a requests session, so that one can be cut while it is in use.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter

from include.codebashing_lms.errors import CodebashingLmsError, DeliveryUnavailableError


@contextmanager
def deadline(cut: Callable[[], None], seconds: float, address: str) -> Iterator[None]:
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


class AbortableAdapter(HTTPAdapter):
    """Knows its sockets: requests itself gives no way to end a request that another thread waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[socket.socket] = []

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return requests' pool of connections, which now tells of them."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = self._watched(pool.ConnectionCls)
        return pool

    def _watched(self, connection_class: Any) -> Any:
        sockets = self.sockets

        class Watched(connection_class):  # type: ignore[misc]
            def connect(self) -> None:
                """Connect, and tell of it; later the socket may be the answer's alone."""
                super().connect()
                sockets.append(self.sock)

        return Watched

    def cut(self) -> None:
        """Cut all connections."""
        for one in self.sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
