"""Starts Ralph, a real learning record store, in a Python environment of its own; prints its port.

    python ralph_server.py FOLDER LOGIN PASSWORD

Ralph's file backend makes a new file for every request; here it appends to one file, like Ralph's other
backends.
"""

import json
import os
import socket
import sys
from pathlib import Path

folder = Path(sys.argv[1])
os.environ |= {
    "RALPH_APP_DIR": str(folder),
    "RALPH_AUTH_FILE": str(folder / "auth.json"),
    "RALPH_RUNSERVER_BACKEND": "fs",
    "RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH": str(folder),
    "RALPH_BACKENDS__LRS__FS__DEFAULT_LRS_FILE": "statements.jsonl",
}

import bcrypt  # noqa: E402 (Ralph reads its settings when it is imported)
import uvicorn  # noqa: E402

password = bcrypt.hashpw(sys.argv[3].encode(), bcrypt.gensalt(4)).decode()
agent = {"mbox": "mailto:lms@example.com"}
account = {"username": sys.argv[2], "hash": password, "scopes": ["all"], "agent": agent}
(folder / "auth.json").write_text(json.dumps([account]))
(folder / "statements.jsonl").touch()

from ralph.api import app  # noqa: E402
from ralph.backends.data.base import BaseOperationType  # noqa: E402
from ralph.backends.lrs.fs import FSLRSBackend  # noqa: E402

FSLRSBackend.default_operation_type = BaseOperationType.APPEND
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)  # noqa: T201
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
