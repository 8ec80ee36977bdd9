"""Measures how fast extract reads a body from loopback, what limits it, and its memory.

python -m bench.extract SNAPSHOT           everything about one snapshot, as JSON
python -m bench.extract SNAPSHOT URL PART  read the URL as extract does, print the process's peak memory in MB
python -m bench.extract SNAPSHOT nothing   print the peak memory of a process that only imports the modules
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.measure import peak_of_this_process
from include.codebashing_lms.connections.http import new_session
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.extract.download import PIECE, iter_body, save
from include.codebashing_lms.streaming.json_splitter import RecordSplitter


def serve(snapshot: Path) -> str:
    """Answer every request with the file, by sendfile: the server itself takes hardly any time."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=answer_all, args=(listener, snapshot), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def answer_all(listener: socket.socket, snapshot: Path) -> None:
    while True:
        client, _ = listener.accept()
        with client, snapshot.open("rb") as file:
            client.recv(65536)
            size = os.stat(file.fileno()).st_size
            client.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode())
            client.sendfile(file)


def pieces(snapshot: Path):
    with snapshot.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def seconds(work) -> float:
    durations = []
    for _ in range(3):
        started = time.monotonic()
        work()
        durations.append(time.monotonic() - started)
    return sorted(durations)[1]


def main(snapshot: Path) -> None:
    base, session = serve(snapshot), new_session(HttpConnection("http://127.0.0.1"))

    def body():
        return iter_body(session.get(base, stream=True, timeout=60), 60)

    with tempfile.TemporaryDirectory(dir=snapshot.parent) as scratch:
        part = Path(scratch) / "part.json.zst"
        size = snapshot.stat().st_size / 1e6
        alone = {
            "HTTP alone": seconds(lambda: [None for _ in body()]),
            "reading through alone": seconds(lambda: read_through(snapshot)),
            "all of it, as extract does": seconds(lambda: save(body(), False, part, RecordSplitter())),
        }
        share = part.stat().st_size / snapshot.stat().st_size
        alone["compressing alone"] = seconds(lambda: compress(snapshot, part))
        memory = peak_of(snapshot, base, str(part)) - peak_of(snapshot, "nothing")
    rates = {name: size / took for name, took in alone.items()}
    print(json.dumps({"mb_per_s": rates, "share": share, "memory": memory}))


def peak_of(snapshot: Path, *arguments: str) -> int:
    """Return the peak memory of a process of its own, in MB."""
    return int(subprocess.check_output([sys.executable, "-m", "bench.extract", str(snapshot), *arguments]))


def print_peak(url: str, *part: str) -> None:
    """Read a body as extract does, if there is a file to write to; print the process's peak memory."""
    import pyarrow  # noqa: F401 (what save imports)

    if part:
        session = new_session(HttpConnection("http://127.0.0.1"))
        save(iter_body(session.get(url, stream=True, timeout=60), 60), False, Path(*part), RecordSplitter())
    print(peak_of_this_process())


def read_through(snapshot: Path) -> int:
    splitter = RecordSplitter()
    records = sum(len(chunk) for piece in pieces(snapshot) for chunk in splitter.feed(piece))
    return records + sum(map(len, splitter.finish()))


def compress(snapshot: Path, part: Path) -> None:
    import pyarrow as pa

    with pa.CompressedOutputStream(str(part), "zstd") as writer:
        for piece in pieces(snapshot):
            writer.write(piece)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print_peak(*sys.argv[2:])
    else:
        main(Path(sys.argv[1]))
