"""A TCP proxy on loopback that breaks and stalls connections."""

import select
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

PIECE = 65536
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


@dataclass(frozen=True)
class Fault:
    """A fault of a connection.

    :param up: the fault strikes at the byte after these bytes to the server.
    :param down: the same for bytes from the server.
    :param idle: the fault strikes after these seconds without a byte.
    """

    up: int | None = None
    down: int | None = None
    how: Literal["close", "reset", "stall"] = "close"
    idle: float | None = None

    def room(self, direction: str, carried: int) -> int:
        limit = self.up if direction == "up" else self.down
        return PIECE if limit is None else limit - carried


@dataclass
class Traffic:
    """The number of bytes that a connection carried in each direction."""

    up: int = 0
    down: int = 0


class Proxy:
    """The first connection has the first fault and so on; connections after the last fault have none.

    :param listening: False: the proxy refuses connections until `listen` is called.
    """

    def __init__(self, port: int, *faults: Fault, listening: bool = True) -> None:
        self.behind = ("127.0.0.1", port)
        self.traffic: list[Traffic] = []
        self._faults = deque(faults)
        self._listening = listening
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> "Proxy":
        if self._listening:
            self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self._listener.close()

    def listen(self) -> None:
        """Accept connections from now on."""
        self._listener.listen()
        self._listener.settimeout(0.05)
        self._run(self._accept)

    def _run(self, work, *args) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            fault = self._faults.popleft() if self._faults else Fault()
            traffic = Traffic()
            self.traffic.append(traffic)
            self._run(self._carry, client, fault, traffic)

    def _carry(self, client: socket.socket, fault: Fault, traffic: Traffic) -> None:
        with client, socket.create_connection(self.behind) as server:
            client.settimeout(None)
            targets = {client: ("up", server), server: ("down", client)}
            try:
                while targets and not self._ended.is_set():
                    ready = select.select(list(targets), [], [], fault.idle or 0.05)[0]
                    lives = all(_forward(source, targets, fault, traffic) for source in ready)
                    if not lives or (fault.idle and not ready):
                        self._strike(fault, client, server)
                        return
            except OSError:
                return  # one end has closed; the other is closed next

    def _strike(self, fault: Fault, *ends: socket.socket) -> None:
        if fault.how == "stall":
            self._ended.wait()
        for end in ends:
            if fault.how == "reset":
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            end.close()


def _forward(source: socket.socket, targets: dict, fault: Fault, traffic: Traffic) -> bool:
    """Forward what has arrived; tell whether the connection goes on."""
    direction, target = targets[source]
    piece = source.recv(PIECE)
    if not piece:
        target.shutdown(socket.SHUT_WR)
        del targets[source]
        return True
    carried = getattr(traffic, direction)
    whole = piece[: max(0, fault.room(direction, carried))]
    target.sendall(whole)
    setattr(traffic, direction, carried + len(whole))
    return len(whole) == len(piece)
