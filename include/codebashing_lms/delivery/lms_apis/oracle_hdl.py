"""Delivery to Oracle HCM Data Loader: upload the zip, have a data set made of it, ask for its result."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.client import LmsClient, LmsSession, with_retries
from include.codebashing_lms.delivery.http.json_api import json_of, refusal_error, secrets_of, status_of, whole_number
from include.codebashing_lms.delivery.lms_apis.oracle_data_sets import (
    FIELDS,
    WHERE_TO_LOOK,
    interpret,
    items_of,
    name_of,
    state_of,
)
from include.codebashing_lms.delivery.transport import JobStatus, OutboundFile, SendResult
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError

ACTION = "application/vnd.oracle.adf.action+json"
PAGE = 500
POLLS = 4  # Oracle shows a new data set only after some seconds
SECONDS_BETWEEN_POLLS = 5.0
RIGHTS = "It takes the role hierarchies of Data Load Data Sets and of uploading for file-based import."


@dataclass(frozen=True)
class OracleHdlTransport:
    """A zip with a .dat file, which HCM Data Loader imports and loads line by line."""

    delivery: HttpDelivery
    connection: HttpConnection
    result = "loaded by HCM Data Loader at"

    def address(self, name: str = "") -> str:
        """Return the address of the data sets."""
        return f"{self._client.address.rstrip('/')}/dataLoadDataSets"

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Have the file loaded, once: a second data set would load completions a second time."""
        with self._client.session() as session:
            job = self._poll_job(session, outbound.idempotency_key) if resuming else None
            if job:
                return SendResult(sent=False, job=job)
            content = with_retries(session.until)(self._upload, session.before_delivery(), outbound)
            return SendResult(job=self._load(session, content, outbound.idempotency_key))

    def job_status(self, job: str) -> JobStatus:
        """Ask how far a data set is, and which lines Oracle refused."""
        with self._client.session() as session:
            data_set = with_retries(session.until)(self._data_set, session, job)
            state = state_of(data_set or {})
            if data_set is None or state == "working":
                return JobStatus("working", sentence=f"Oracle works on the data set {job}.")
            if state == "stopped":
                return JobStatus("failed", sentence=f"Somebody stopped the data set {job}. {WHERE_TO_LOOK}")
            messages = list(self._messages(session, job))
        return interpret(job, data_set, messages, secrets_of(self.connection))

    def find_job(self, delivery: str) -> str | None:
        """Return the data set of a delivery of ours that got no answer; None where Oracle has none."""
        with self._client.session() as session:
            return self._job_of(session, delivery)

    def check(self) -> str:
        """Read the list of data sets."""
        with self._client.session() as session:
            with_retries(session.until)(self._data_sets, session, {"limit": "1"})
        return f"{self.address()} takes the login and shows its data sets; nothing was written."

    @property
    def _client(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    def _upload(self, session: LmsSession, outbound: OutboundFile) -> str:
        content = base64.b64encode(outbound.path.read_bytes()).decode()
        body = {"content": content, "fileName": outbound.name}
        return self._act(session, "uploadFile", body, "ContentId")

    def _load(self, session: LmsSession, content: str, delivery: str) -> str:
        """Have a data set made; where the answer is lost, find out whether Oracle has the data set."""
        body = {"contentId": content, "fileAction": "IMPORT_AND_LOAD", "dataSetName": name_of(delivery)}
        try:
            job = self._act(session, "createFileDataSet", body, "RequestId")
        except DeliveryUnavailableError as error:
            if error.not_delivered:
                raise
            found_job = self._poll_job(session, delivery)
            if not found_job:
                raise
            return found_job
        if whole_number(job) is None:
            raise DeliveryError(f"{self.address()} answered with a RequestId that is none. {WHERE_TO_LOOK}")
        return job

    def _poll_job(self, session: LmsSession, delivery: str) -> str | None:
        for _ in range(POLLS):
            time.sleep(SECONDS_BETWEEN_POLLS)
            if job := self._job_of(session, delivery):
                return job
        return None

    def _act(self, session: LmsSession, action: str, body: dict[str, str], key: str) -> str:
        url = f"{self.address()}/action/{action}"
        headers = {"Content-Type": ACTION, "Accept": "application/json"}
        data = json.dumps(body).encode()
        with session.answer("POST", url, data=data, headers=headers) as answer:
            refused = answer.status_code < 500 and answer.status_code != 408
            if status_of(answer, session.before_delivery() if refused else session) not in (200, 201):
                raise refusal_error(answer, session.before_delivery(), f"do {action}", RIGHTS)
            document = json_of(answer, session)
        result = document.get("result") if isinstance(document, dict) else None
        value = result.get(key) if isinstance(result, dict) else None
        if not value:
            raise DeliveryError(f"{url} answered without {key}. {WHERE_TO_LOOK}", not_delivered=session.not_delivered)
        return str(value)

    def _job_of(self, session: LmsSession, delivery: str) -> str | None:
        query = {"q": f"DataSetName='{name_of(delivery)}'", "limit": "2"}
        data_sets = with_retries(session.until)(self._data_sets, session, query)
        named = [item for item in data_sets if item.get("DataSetName") == name_of(delivery)]
        number = whole_number(named[0].get("RequestId")) if named else None
        return None if number is None else str(number)

    def _data_sets(self, session: LmsSession, query: dict[str, str]) -> list[dict[str, Any]]:
        return items_of(self._get(session, "", {"fields": FIELDS, **query}, "list data sets"))

    def _data_set(self, session: LmsSession, job: str) -> dict[str, Any] | None:
        document = self._get(session, f"/{job}", {"fields": FIELDS}, "show the data set", may_lack=True)
        return document if isinstance(document, dict) else None

    def _get(self, session: LmsSession, path: str, query: dict[str, str], what: str, may_lack: bool = False) -> Any:
        params = {"onlyData": "true", **query}
        with session.answer("GET", self.address() + path, params=params) as answer:
            if status_of(answer, session) == 404 and may_lack:
                return None
            if answer.status_code != 200:
                raise refusal_error(answer, session, what, RIGHTS)
            return json_of(answer, session)

    def _messages(self, session: LmsSession, job: str) -> Iterator[dict[str, Any]]:
        offset, more = 0, True
        while more:
            items, more = with_retries(session.until)(self._page, session, job, offset)
            offset += len(items)
            more = more and bool(items)
            yield from items

    def _page(self, session: LmsSession, job: str, offset: int) -> tuple[list[dict[str, Any]], bool]:
        query = {"limit": str(PAGE), "offset": str(offset)}
        document = self._get(session, f"/{job}/child/messages", query, "show the messages of the data set")
        return items_of(document), isinstance(document, dict) and bool(document.get("hasMore"))
