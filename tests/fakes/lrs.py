"""A stand-in for a learning record store that behaves like ADL's LRS or like Ralph."""

import json
import uuid
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from tests.fakes.stand_in import Answer, Request, StandIn, says

LOGIN, PASSWORD = "lms", "lrs-secret"
VERSIONS = {"1.0.3", "2.0.0"}
OLD_VERSIONS = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]
OUR_ID = "5eb57344-c042-56df-8173-2608755d8c2a"


def problem_of(statement: Any) -> str | None:
    """Return why the xAPI specification does not allow a statement, None for a valid one."""
    if not isinstance(statement, dict):
        return "a statement is an object"
    extra = set(statement) - {"id", "actor", "verb", "object", "result", "context", "timestamp", "version"}
    if extra:
        return f"unknown properties {sorted(extra)}"
    for part in ("actor", "verb", "object"):
        if not isinstance(statement.get(part), dict):
            return f"{part} is missing"
    try:
        uuid.UUID(statement["id"])
        moment = datetime.fromisoformat(statement["timestamp"])
    except (KeyError, ValueError, TypeError):
        return "id is no UUID, or timestamp no instant"
    account = statement["actor"].get("account") or {}
    if not (account.get("homePage") and account.get("name")):
        return "the account needs homePage and name"
    if "://" not in statement["object"].get("id", "") or "://" not in statement["verb"].get("id", ""):
        return "not an IRI"
    return "timestamp lies in the future" if moment.tzinfo and moment > datetime.now(UTC) else None


class Lrs(StandIn):
    """A store; it knows two manners.

    :param manner: `adl` refuses a batch with a statement that it already has; `ralph` stores the others.
    """

    def __init__(self, manner: str = "adl") -> None:
        super().__init__()
        self.manner = manner
        self.stored: dict[str, dict[str, Any]] = {}
        self.voided: set[str] = set()
        self.refused_names: set[str] = set()
        self.breaks_at: set[str] = set()
        self.largest = 1 << 30
        self.partial = False
        self.may_read = True

    @property
    def names(self) -> list[str]:
        return [one["actor"]["account"]["name"] for one in self.stored.values()]

    def answer(self, request: Request) -> Answer:
        if request.path == "/xapi/about" and self.manner == "adl":
            return says({"version": OLD_VERSIONS})
        login = b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        if request.headers["Authorization"] not in (f"Basic {login}", f"Bearer {PASSWORD}"):
            return says({"detail": f"wrong login {request.headers['Authorization']}"}, 401)
        if request.path != "/xapi/statements":
            return says({"detail": "Not Found"}, 404)
        if request.headers["X-Experience-API-Version"] not in VERSIONS:
            return says({"message": "X-Experience-API-Version is missing"}, 400)
        return self._store(request) if request.method == "POST" else self._show(request)

    def _show(self, request: Request) -> Answer:
        if not self.may_read:
            return says({"detail": "statements/read is needed"}, 403)
        if "statementId" not in request.query:
            return says({"statements": list(self.stored.values())[:1], "more": ""})
        wanted = request.query["statementId"]
        stored = None if wanted in self.voided else self.stored.get(wanted)
        if self.manner == "ralph":
            return says({"statements": [stored] if stored else []})
        return says(stored) if stored else Answer(404)

    def _store(self, request: Request) -> Answer:
        if len(request.body) > self.largest:
            return Answer(413, b"<html>too large</html>")
        batch = json.loads(request.body)
        names = {one["actor"]["account"]["name"] for one in batch if isinstance(one.get("actor"), dict)}
        if names & self.breaks_at:
            return Answer(500, b"Internal Server Error")
        problems = {number: self._problem(one) for number, one in enumerate(batch)}
        bad = {number: problem for number, problem in problems.items() if problem}
        if bad and self.partial:
            return self._store_some(batch, bad)
        if bad:
            status = 422 if self.manner == "ralph" else 400
            errors = [{"loc": ["body", n], "msg": problem, "input": batch[n]} for n, problem in bad.items()]
            return says({"detail": errors}, status)
        ids = [one["id"] for one in batch]
        if len(set(ids)) < len(ids):
            return says({"detail": "Duplicate statement IDs in the list of statements"}, 400)
        return self._store_good(batch)

    def _problem(self, one: Any) -> str | None:
        problem = problem_of(one)
        if not problem and one["actor"]["account"]["name"] in self.refused_names:
            return f"this store does not like {one['actor']['account']['name']} {PASSWORD}\x07\nnor this"
        return problem

    def _store_good(self, batch: list[dict[str, Any]]) -> Answer:
        old = [one for one in batch if one["id"] in self.stored]
        changed = [one for one in old if not self._same(one)]
        if changed or (old and self.manner == "adl"):
            return says({"detail": f"{len(old)} statements exist"}, 409)
        new = [one for one in batch if one["id"] not in self.stored]
        for one in new:
            self._keep(one)
        if not new:
            return Answer(204)
        return says([one["id"] for one in (batch if self.manner == "adl" else new)])

    def _store_some(self, batch: list[Any], bad: dict[int, str]) -> Answer:
        good = [one for number, one in enumerate(batch) if number not in bad]
        for one in good:
            self.stored.setdefault(one["id"], one)
        errors = [{"index": number, "reason": problem} for number, problem in bad.items()]
        return says({"inserted": len(good), "errors": errors}, 200 if good else 400)

    def _same(self, one: dict[str, Any]) -> bool:
        """Tell whether a repeated statement is the stored one: to Ralph another timestamp is a conflict."""
        kept = self.stored[one["id"]]
        same = all(kept.get(part) == one.get(part) for part in ("actor", "verb", "object", "result"))
        return same and datetime.fromisoformat(kept["timestamp"]) == datetime.fromisoformat(one["timestamp"])

    def _keep(self, one: dict[str, Any]) -> None:
        """Store a statement as real stores do: with more keys, and with the time in another format."""
        moment = datetime.fromisoformat(one["timestamp"]).astimezone(UTC)
        added = {
            "authority": {"objectType": "Agent", "mbox": "mailto:lms@example.com"},
            "stored": datetime.now(UTC).isoformat(),
            "version": "1.0.3",
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000+00:00",
        }
        self.stored[one["id"]] = {**one, **added}
