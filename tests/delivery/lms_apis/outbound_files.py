"""Staged files as the profiles write them, and settings to send them with."""

import json
import uuid
from pathlib import Path
from typing import Any

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.transport import OutboundFile
from include.codebashing_lms.staging.checksums import sha256_of
from tests.fakes.lrs import LOGIN, OUR_ID, PASSWORD


def outbound(path: Path, content: bytes) -> OutboundFile:
    path.write_bytes(content)
    return OutboundFile(path, path.name, len(content), sha256_of(path), str(uuid.uuid4()))


def delivery(endpoint: str, **settings: Any) -> HttpDelivery:
    return HttpDelivery(conn_id="lms_http", endpoint=endpoint, **settings)


def basic(url: str) -> HttpConnection:
    return HttpConnection(url, login=LOGIN, password=PASSWORD)


def statement(name: str, percent: int = 100, moment: str = "2025-03-14T09:26:53.000Z") -> dict[str, Any]:
    done = percent == 100
    verb = "completed" if done else "progressed"
    instant = moment if done else percent
    result: dict[str, Any] = {"completion": done}
    if not done:
        result["extensions"] = {"https://w3id.org/xapi/cmi5/result/extensions/progress": percent}
    return {
        "id": str(uuid.uuid5(uuid.UUID(OUR_ID), f"{name}|CB-SECCODE|{verb}|{instant}")),
        "actor": {"objectType": "Agent", "account": {"homePage": "https://hr.example.com", "name": name}},
        "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}", "display": {"en-US": verb}},
        "object": {
            "objectType": "Activity",
            "id": "https://lms.example.com/courses/CB-SECCODE",
            "definition": {
                "name": {"en-US": "Secure Coding, Codebashing"},
                "type": "http://adlnet.gov/expapi/activities/course",
            },
        },
        "result": result,
        "timestamp": moment,
    }


def statements(path: Path, *them: dict[str, Any]) -> OutboundFile:
    return outbound(path / "statements.json", json.dumps(them, separators=(",", ":")).encode())
