"""A StatsD server on loopback."""

import socket


class StatsD:
    """Keeps the gauges that it receives."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port = self._socket.getsockname()[1]

    def gauges(self, prefix):
        found = {}
        try:
            while True:
                for line in self._socket.recv(65536).decode().splitlines():
                    name, _, value = line.partition(":")
                    if name.startswith(prefix):
                        found[name.removeprefix(prefix)] = value
        except TimeoutError:
            return found

    def close(self):
        self._socket.close()
