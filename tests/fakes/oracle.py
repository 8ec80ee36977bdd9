"""A stand-in for HCM Data Loader: loads LearningRecord.dat line by line, in several steps."""

import base64
import io
import json
import re
import zipfile
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.lrs import LOGIN, PASSWORD
from tests.fakes.stand_in import Answer, Request, StandIn, says

BASE = "/hcmRestApi/resources/11.13.18.05"
SETS = f"{BASE}/dataLoadDataSets"
ACTION = "application/vnd.oracle.adf.action+json"
UNSEEN, UNDER_WAY = 1, ("ORA_UNPROCESSED", "ORA_IN_PROGRESS")


def lines_of(text: str) -> list[list[str]]:
    """Return the fields of .dat lines as Oracle documents them: a backslash escapes a pipe."""
    return [[value.replace("\\|", "|") for value in re.split(r"(?<!\\)\|", line)] for line in text.splitlines() if line]


@dataclass
class DataSet:
    name: str
    number: int
    polls: int = 0
    state: str = "ORA_SUCCESS"
    loaded: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)


class Oracle(StandIn):
    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.sets: dict[int, DataSet] = {}
        self.records: dict[str, dict[str, str]] = {}
        self.strangers: set[str] = set()
        self.hide_messages = False
        self.stopped = False
        self.page = 500

    def answer(self, request: Request) -> Answer:
        login = b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        if request.headers["Authorization"] != f"Basic {login}":
            return Answer(401)
        if not request.path.startswith(SETS):
            return Answer(404)
        rest = request.path.removeprefix(SETS)
        if request.method == "POST":
            if request.headers["Content-Type"] != ACTION:
                return Answer(415)
            act = {"/action/uploadFile": self._upload, "/action/createFileDataSet": self._create}[rest]
            return act(json.loads(request.body))
        if not rest:
            return self._list(request.query)
        number, _, child = rest.strip("/").partition("/child/")
        one = self.sets.get(int(number))
        if one is None:
            return Answer(404)
        return self._messages(one, request.query) if child else self._show(one)

    def _upload(self, body: dict[str, str]) -> Answer:
        if not re.fullmatch(r"[A-Za-z0-9]+\.zip", body["fileName"]):
            return says({"title": "Bad Request", "detail": "The file name must be letters and digits"}, 400)
        content = f"UCMFA{len(self.files):08d}"
        self.files[content] = base64.b64decode(body["content"], validate=True)
        return says({"result": {"ContentId": content}})

    def _create(self, body: dict[str, str]) -> Answer:
        number = 9766657 + len(self.sets)
        one = self.sets[number] = DataSet(body["dataSetName"], number)
        self._load(one, self.files[body["contentId"]])
        return says({"result": {"RequestId": number, "DataSetName": one.name}}, 201)

    def _list(self, query: dict[str, str]) -> Answer:
        matching = list(self.sets.values())
        if "q" in query:
            wanted = re.fullmatch(r"DataSetName='([^']*)'", query["q"])
            assert wanted, query["q"]
            matching = [one for one in matching if one.name == wanted.group(1) and self._seen(one)]
        items = [{"RequestId": one.number, "DataSetName": one.name} for one in matching]
        return says({"items": items[: int(query.get("limit", 25))], "hasMore": False})

    def _seen(self, one: DataSet) -> bool:
        one.polls += 1
        return one.polls > UNSEEN

    def _show(self, one: DataSet) -> Answer:
        if not self._seen(one):
            return Answer(404)
        step = one.polls - UNSEEN - 1
        if step < len(UNDER_WAY):
            return says({"RequestId": one.number, "DataSetStatusCode": UNDER_WAY[step]})
        if self.stopped:
            return says({"RequestId": one.number, "DataSetStatusCode": "ORA_STOPPED"})
        counts = {"ObjectSuccessCount": one.loaded, "ObjectLoadErrorCount": len(one.messages)}
        return says({"RequestId": one.number, "DataSetStatusCode": one.state, **counts})

    def _messages(self, one: DataSet, query: dict[str, str]) -> Answer:
        if self.hide_messages:
            return says({"items": [], "hasMore": False})
        start = int(query["offset"])
        end = start + min(int(query["limit"]), self.page)
        warning = {"MessageTypeCode": "WARNING", "FileLine": 2, "MessageText": "Only a warning."}
        items = [warning, *one.messages]
        return says({"items": items[start:end], "hasMore": end < len(items)})

    def _load(self, one: DataSet, content: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.namelist() == ["LearningRecord.dat"]
            header, *rows = lines_of(archive.read("LearningRecord.dat").decode())
        for line, row in enumerate(rows, start=2):
            problem = self._merge(dict(zip(header[2:], row[2:], strict=True)))
            if problem:
                message = {"MessageTypeCode": "ERROR", "FileLine": line, "MessageText": problem}
                one.messages.append({"DatFileName": "LearningRecord.dat", **message})
            else:
                one.loaded += 1
        one.state = "ORA_IN_ERROR" if one.messages else "ORA_SUCCESS"

    def _merge(self, record: dict[str, str]) -> str | None:
        key, learner = record["LearningRecordNumber"], record["LearnerNumber"]
        if learner in self.strangers:
            return f"You need to enter a valid value for the LearnerNumber attribute: {learner} {PASSWORD}\n."
        if self.records.get(key, {}).get("LearningRecordStatus") == "ORA_ASSN_REC_COMPLETE":
            return "A completed assignment can only be deleted."
        self.records[key] = record
        return None
