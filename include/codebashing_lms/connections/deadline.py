"""A deadline for a whole delivery: time-outs bound only the wait for the next byte.

AbortableAdapter holds the sockets under a requests session, so that another thread can shut them down.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter

from include.codebashing_lms.errors import CodebashingLmsError, DeliveryUnavailableError


@contextmanager
def deadline(abort: Callable[[], None], seconds: float, address: str) -> Iterator[None]:
    """Abort the connection when the time is up; the block then fails, and this error says why."""
    expired = threading.Event()

    def expire() -> None:
        """Abort the connection from another thread, while the block waits for it."""
        expired.set()
        with suppress(OSError):
            abort()

    watchdog = threading.Timer(seconds, expire)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    except CodebashingLmsError as error:
        if not expired.is_set():
            raise
        raise DeliveryUnavailableError(
            f"delivery.deadline ended the delivery to {address} before its result was known.",
            not_delivered=error.not_delivered,
        ) from None
    finally:
        watchdog.cancel()


class AbortableAdapter(HTTPAdapter):
    """Knows its sockets: requests itself gives no way to end a request that another thread waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[socket.socket] = []

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return requests' connection pool; its connections add their sockets to ours."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = self._recording(pool.ConnectionCls)
        return pool

    def _recording(self, connection_class: Any) -> Any:
        sockets = self.sockets

        class Recording(connection_class):  # type: ignore[misc]
            def connect(self) -> None:
                """Connect, and keep the socket: later only the answer may hold it."""
                super().connect()
                sockets.append(self.sock)

        return Recording

    def abort(self) -> None:
        """Shut all sockets down."""
        for sock in self.sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
