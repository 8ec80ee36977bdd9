"""The connections under a requests session, so that one can be cut while it is in use."""

import socket
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter


class WatchedAdapter(HTTPAdapter):
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
