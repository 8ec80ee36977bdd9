"""Misbehaving servers and proxies, and the error that each must lead to."""

import gzip
import json
import socket
import time
from dataclasses import dataclass

from include.codebashing_lms.errors import (
    CodebashingLmsError,
    SnapshotError,
    SourceError,
    SourceUnavailableError,
    TruncatedSnapshotError,
)
from tests.fakes.loopback import Answer, answer, chunked

PERSON = "someone@example.com"
LEARNERS = [{"employee_id": f"{number:04d}", "email": PERSON} for number in range(3)]
BODY = json.dumps(LEARNERS).encode()
GZIP = gzip.compress(BODY)


@dataclass(frozen=True)
class Mood:
    """A misbehaviour, the error that it must lead to, and words of the error's message."""

    answer: Answer
    error: type[CodebashingLmsError]
    words: tuple[str, ...]


def stall(connection: socket.socket) -> None:
    """Send half of an answer, then nothing."""
    connection.sendall(answer(BODY)[:-20])
    time.sleep(0.8)


def hang_up(connection: socket.socket) -> None:
    """Read the request, then close the connection."""
    connection.shutdown(socket.SHUT_RDWR)


FAR = "Fri, 01 Jan 2100 00:00:00 GMT"
MOODS = {
    "unauthorized": Mood(answer(PERSON.encode(), "401 Unauthorized"), SourceError, ("401", "credentials", "api_key")),
    "forbidden": Mood(answer(PERSON.encode(), "403 Forbidden"), SourceError, ("403", "credentials", "api_key")),
    "not_found": Mood(answer(PERSON.encode(), "404 Not Found"), SourceError, ("404", "tenant", "source.endpoint")),
    "bad_request": Mood(answer(PERSON.encode(), "400 Bad Request"), SourceError, ("400", "`source.fields: all`")),
    "redirect": Mood(
        answer(b"", "302 Found", Location=f"https://u:p@sso.example.com/in?for={PERSON}"),
        SourceError,
        ("302", "redirect to sso.example.com,", "not followed"),
    ),
    "own_redirect": Mood(answer(b"", "301 Moved", Location="/v2"), SourceError, ("301", "another path")),
    "no_content": Mood(answer(b"", "204 No Content"), SourceError, ("204",)),
    "teapot": Mood(answer(PERSON.encode(), "418 Teapot"), SourceError, ("418", "source.endpoint")),
    "too_many_requests": Mood(answer(b"", "429 Slow"), SourceUnavailableError, ("429", "attempt 3")),
    "come_back_later": Mood(
        answer(b"", "429 Slow", Retry_After=FAR), SourceUnavailableError, ("429", "asks to wait", "seconds")
    ),
    "server_error": Mood(answer(PERSON.encode(), "500 Oops"), SourceUnavailableError, ("500", "attempt 3")),
    "unavailable": Mood(answer(PERSON.encode(), "503 Oops"), SourceUnavailableError, ("503", "attempt 3")),
    "html": Mood(
        answer(f"<!DOCTYPE html><p>{PERSON}".encode(), Content_Type="text/html"),
        SnapshotError,
        ("HTML", "sign-in page", "host"),
    ),
    "not_json": Mood(answer(PERSON.encode()), SnapshotError, ("not JSON", "host")),
    "broken_json": Mood(answer(b'[{"a": 1} {"a": 2}]'), SnapshotError, ("JSON is broken",)),
    "object": Mood(answer({"users": LEARNERS}), SnapshotError, ("users", "source.records_path")),
    "error_object": Mood(answer({"error": PERSON}), SnapshotError, ("error", "refused the request")),
    "two_arrays": Mood(answer(BODY + BODY), SnapshotError, ("follows the end",)),
    "empty_body": Mood(answer(b""), SourceUnavailableError, ("empty body", "attempt 3")),
    "shorter_than_length": Mood(answer(BODY, length=9999), SourceUnavailableError, ("cut off", "attempt 3")),
    "cut_chunks": Mood(chunked(BODY, end=b""), SourceUnavailableError, ("cut off", "attempt 3")),
    "cut_in_a_chunk": Mood(chunked(BODY, end=b"ff\r\n,{"), SourceUnavailableError, ("cut off",)),
    "no_chunks": Mood(chunked(end=b"zz\r\n" + BODY), SourceUnavailableError, ("cut off",)),
    "cut_without_length": Mood(answer(BODY[:-9], length=None), TruncatedSnapshotError, ("cut off", "attempt 3")),
    "cut_gzip": Mood(
        answer(GZIP[:-9], Content_Encoding="gzip"), SourceUnavailableError, ("gzip", "cut off", "attempt 3")
    ),
    "no_gzip": Mood(answer(BODY, Content_Encoding="gzip"), SourceUnavailableError, ("calls itself gzip",)),
    "more_than_gzip": Mood(answer(GZIP + b"more", Content_Encoding="gzip"), SourceError, ("follow the end",)),
    "brotli": Mood(answer(BODY, Content_Encoding="br"), SourceError, ("'br'", "Accept-Encoding")),
    "stall": Mood(stall, SourceUnavailableError, ("stalled", "source.timeout", "attempt 3")),
    "hang_up": Mood(hang_up, SourceUnavailableError, ("no connection", "attempt 3")),
    "no_http": Mood(b"SSH-2.0-OpenSSH_9.2\r\n", SourceUnavailableError, ("no connection",)),
}
