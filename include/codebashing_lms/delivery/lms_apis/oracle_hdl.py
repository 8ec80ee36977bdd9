"""Delivery to Oracle HCM Data Loader: upload the zip, have a data set made of it, ask what became of that."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.client import LmsClient, LmsSession, with_retries
from include.codebashing_lms.delivery.http.json_api import (
    json_of,
    refusal_error,
    secrets_of,
    status_of,
    whole_number,
)
from include.codebashing_lms.delivery.lms_apis.oracle_data_sets import (
    FIELDS,
    WHERE_TO_LOOK,
    interpret,
    items_of,
    name_of,
    state_of,
)
from include.codebashing_lms.delivery.transport import (
    JobStatus,
    OutboundFile,
    SendResult,
    not_delivered_on_error,
)
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError

ACTION = "application/vnd.oracle.adf.action+json"
PAGE = 500
LOOKS = 4  # a new data set can be seen only some seconds after it was made
SECONDS_BETWEEN_LOOKS = 5.0
RIGHTS = "It takes the role hierarchies of Data Load Data Sets and of uploading for file-based import."


@dataclass(frozen=True)
class OracleHdlTransport:
    """A zip with a .dat file, which HCM Data Loader imports and loads line by line."""

    delivery: HttpDelivery
    connection: HttpConnection
    result = "loaded by HCM Data Loader at"

    def address(self, name: str = "") -> str:
        """Return the address of the data sets."""
        return f"{self._calls.address.rstrip('/')}/dataLoadDataSets"

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Have the file loaded, once: a second data set would load what is completed a second time."""
        with self._conversation() as conversation:
            job = self._looked_for(conversation, outbound.idempotency_key) if resuming else None
            if job:
                return SendResult(sent=False, job=job)
            with not_delivered_on_error():
                content = with_retries(conversation.until)(self._upload, conversation, outbound)
            return SendResult(job=self._load(conversation, content, outbound.idempotency_key))

    def job_status(self, job: str) -> JobStatus:
        """Ask how far a data set is, and which lines Oracle refused."""
        with self._conversation() as conversation:
            data_set = with_retries(conversation.until)(self._data_set, conversation, job)
            state = state_of(data_set or {})
            if data_set is None or state == "working":
                return JobStatus("working", sentence=f"Oracle works on the data set {job}.")
            if state == "stopped":
                return JobStatus("failed", sentence=f"Somebody stopped the data set {job}. {WHERE_TO_LOOK}")
            messages = list(self._messages(conversation, job))
        return interpret(job, data_set, messages, secrets_of(self.connection))

    def find_job(self, delivery: str) -> str | None:
        """Return the data set of a delivery of ours whose answer was lost; None where none was made."""
        with self._conversation() as conversation:
            return self._job_of(conversation, delivery)

    def check(self) -> str:
        """Read the list of data sets."""
        with self._conversation() as conversation:
            with_retries(conversation.until)(self._listed, conversation, {"limit": "1"})
        return f"{self.address()} takes the login and shows its data sets; nothing was written."

    @property
    def _calls(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    @contextmanager
    def _conversation(self) -> Iterator[LmsSession]:
        calls = self._calls
        with calls.conversation(calls.deadline()) as conversation:
            yield conversation

    def _upload(self, conversation: LmsSession, outbound: OutboundFile) -> str:
        content = base64.b64encode(outbound.path.read_bytes()).decode()
        body = {"content": content, "fileName": outbound.name}
        return self._act(conversation, "uploadFile", body, "ContentId")

    def _load(self, conversation: LmsSession, content: str, delivery: str) -> str:
        """Have a data set made; where the answer is lost, find out whether there is one."""
        body = {"contentId": content, "fileAction": "IMPORT_AND_LOAD", "dataSetName": name_of(delivery)}
        try:
            job = self._act(conversation, "createFileDataSet", body, "RequestId")
        except DeliveryUnavailableError as error:
            if error.nothing_taken:
                raise
            found = self._looked_for(conversation, delivery)
            if not found:
                raise
            return found
        if whole_number(job) is None:
            raise DeliveryError(f"{self.address()} answered with a RequestId that is none. {WHERE_TO_LOOK}")
        return job

    def _looked_for(self, conversation: LmsSession, delivery: str) -> str | None:
        """Look for a data set that may have been made just now."""
        for _ in range(LOOKS):
            time.sleep(SECONDS_BETWEEN_LOOKS)
            if job := self._job_of(conversation, delivery):
                return job
        return None

    def _act(self, conversation: LmsSession, action: str, body: dict[str, str], wanted: str) -> str:
        url = f"{self.address()}/action/{action}"
        headers = {"Content-Type": ACTION, "Accept": "application/json"}
        data = json.dumps(body).encode()
        with conversation.answer("POST", url, data=data, headers=headers) as answer:
            self._judge(answer, action)
            document = json_of(answer, self._calls)
        result = document.get("result") if isinstance(document, dict) else None
        value = result.get(wanted) if isinstance(result, dict) else None
        if not value:
            raise DeliveryError(f"{url} answered without {wanted}. {WHERE_TO_LOOK}")
        return str(value)

    def _judge(self, answer: requests.Response, action: str) -> None:
        try:
            if status_of(answer, self._calls) not in (200, 201):
                raise refusal_error(answer, self._calls, f"do {action}", RIGHTS)
        except DeliveryError as error:
            error.nothing_taken = answer.status_code < 500 and answer.status_code != 408
            raise

    def _job_of(self, conversation: LmsSession, delivery: str) -> str | None:
        query = {"q": f"DataSetName='{name_of(delivery)}'", "limit": "2"}
        found = with_retries(conversation.until)(self._listed, conversation, query)
        named = [one for one in found if one.get("DataSetName") == name_of(delivery)]
        number = whole_number(named[0].get("RequestId")) if named else None
        return None if number is None else str(number)

    def _listed(self, conversation: LmsSession, query: dict[str, str]) -> list[dict[str, Any]]:
        params = {"onlyData": "true", "fields": FIELDS, **query}
        with conversation.answer("GET", self.address(), params=params) as answer:
            if status_of(answer, self._calls) != 200:
                raise refusal_error(answer, self._calls, "list data sets", RIGHTS)
            return items_of(json_of(answer, self._calls))

    def _data_set(self, conversation: LmsSession, job: str) -> dict[str, Any] | None:
        params = {"onlyData": "true", "fields": FIELDS}
        with conversation.answer("GET", f"{self.address()}/{job}", params=params) as answer:
            if status_of(answer, self._calls) == 404:
                return None
            if answer.status_code != 200:
                raise refusal_error(answer, self._calls, "show the data set", RIGHTS)
            document = json_of(answer, self._calls)
        return document if isinstance(document, dict) else None

    def _messages(self, conversation: LmsSession, job: str) -> Iterator[dict[str, Any]]:
        offset, more = 0, True
        while more:
            items, more = with_retries(conversation.until)(self._page, conversation, job, offset)
            offset += len(items)
            more = more and bool(items)
            yield from items

    def _page(self, conversation: LmsSession, job: str, offset: int) -> tuple[list[dict[str, Any]], bool]:
        params = {"onlyData": "true", "limit": str(PAGE), "offset": str(offset)}
        url = f"{self.address()}/{job}/child/messages"
        with conversation.answer("GET", url, params=params) as answer:
            if status_of(answer, self._calls) != 200:
                raise refusal_error(answer, self._calls, "show the messages of the data set", RIGHTS)
            document = json_of(answer, self._calls)
        return items_of(document), isinstance(document, dict) and bool(document.get("hasMore"))
