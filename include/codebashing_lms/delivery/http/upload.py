"""Delivery to an import endpoint of the LMS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, BinaryIO

import requests
from requests_toolbelt import MultipartEncoder
from tenacity import retry_if_exception

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.http import endpoint_url
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.answers import (
    LARGEST_REPORT,
    body_of,
    check_upload,
    refuse_login,
    refuse_redirect,
)
from include.codebashing_lms.delivery.http.client import Auth, LmsClient, no_auth, password_of, with_retries
from include.codebashing_lms.delivery.http.jobs import ImportJobs
from include.codebashing_lms.delivery.http.json_api import refusal_error, secrets_of, status_of
from include.codebashing_lms.delivery.results import ResultParser, first_row_of, refusals_in_answer
from include.codebashing_lms.delivery.transport import JobStatus, OutboundFile, Refusal, SendResult
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError, UnknownJobError

CONTENT_TYPES = {".zip": "application/zip", ".gz": "application/gzip"}


@dataclass(frozen=True)
class HttpTransport:
    """One POST of the file; the endpoint's answer says whether the LMS accepted it.

    :param appends: whether the LMS adds a row a second time when it gets the row again.
    :param has_header: whether the first line of the file is a header.
    """

    delivery: HttpDelivery
    connection: HttpConnection
    appends: bool = False
    has_header: bool = True

    @property
    def result(self) -> str:
        """What is known of a file after it was sent, or after its job has ended."""
        return "imported by a job of the import endpoint" if self.delivery.job else "accepted by the import endpoint"

    def address(self, name: str = "") -> str:
        """Return the endpoint's address, which is the same for every file."""
        return self._client.address

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Send the file, again with the same key where that may help: the LMS imports one key once.

        An endpoint cannot be asked what an earlier attempt did, so `resuming` changes nothing.
        """
        until = self._client.deadline()
        retry = retry_if_exception(self._may_be_repeated)
        job, body = with_retries(until, retry)(self._send, outbound, until)
        return SendResult(job=job, refusals=() if job else self._refusals(body, None, until))

    def job_status(self, job: str) -> JobStatus:
        """Ask how far an import job is."""
        until, jobs = self._client.deadline(), self._jobs
        body = self._read(jobs.url_of(job), until, "tell about its import job")
        state = jobs.state_in(body, self.address())
        if state == "done":
            return JobStatus("done", self._refusals(body, job, until))
        return JobStatus("failed" if state == "failed" else "working")

    def _may_be_repeated(self, error: BaseException) -> bool:
        """Return whether another attempt may help and cannot harm: not every LMS honours the key."""
        return isinstance(error, DeliveryUnavailableError) and (error.not_delivered or not self.appends)

    def check(self) -> str:
        """Ask with OPTIONS, which changes nothing; only an upload shows whether the LMS accepts a file.

        The request carries the login, so that a wrong token shows. Other status codes mean nothing: many
        endpoints know no OPTIONS.
        """
        with self._answer("OPTIONS", self._client.deadline(), params=self.delivery.params) as answer:
            refuse_redirect(answer, self.address())
            if self.delivery.token_param:
                return (
                    f"{self.address()} answers (OPTIONS, status {answer.status_code}); whether it takes the "
                    "token and a file shows only when one is sent."
                )
            refuse_login(answer, self.address(), self.delivery.conn_id)
            return (
                f"{self.address()} answers (OPTIONS, status {answer.status_code}) and did not refuse the "
                "login; whether it takes a file shows only when one is sent."
            )

    def _send(self, outbound: OutboundFile, until: float) -> tuple[str | None, bytes]:
        """Upload the file; return the job that the LMS began, if any, and the body of its answer."""
        delivery = self.delivery
        results = delivery.results
        in_answer = results and results.names_rows and not results.report
        reads = bool(in_answer or (delivery.job and delivery.job.id))
        with outbound.path.open("rb") as file:
            body, content_type = self._body(file, outbound)
            headers = {"Content-Type": content_type, "Idempotency-Key": outbound.idempotency_key}
            params = delivery.params | (self._token if delivery.upload == "raw" else {})
            with self._answer("POST", until, params=params, data=body, headers=headers) as answer:
                answered = check_upload(answer, delivery.success, self.address(), delivery.conn_id, reads)
                return self._jobs.id_in(answer, answered) if delivery.job else None, answered

    def _refusals(self, body: bytes, job: str | None, until: float) -> tuple[Refusal, ...]:
        results = self.delivery.results
        if not results or not results.names_rows:
            return ()
        if results.report:
            jobs_url = self._jobs.url_of(job, results.report) if job else None
            body = self._report_at(jobs_url or endpoint_url(self.connection, results.report), until)
        first_row, secrets = first_row_of(results, self.has_header), tuple(secrets_of(self.connection))
        return refusals_in_answer(ResultParser(results, first_row, secrets), results, body)

    def _report_at(self, url: str, until: float) -> bytes:
        try:
            report: bytes = with_retries(until)(self._read, url, until, "tell which rows it refused")
        except UnknownJobError:
            raise DeliveryError(
                f"{self.address()} has no report of the rows it refused: nothing is at "
                "delivery.results.report. Correct it; what the LMS refused is not known until then."
            ) from None
        return report

    def _read(self, url: str, until: float, what: str) -> bytes:
        with (
            self._client.session(until, self._auth, not_delivered=False) as session,
            session.answer("GET", url, params=self._token) as answer,
        ):
            status = status_of(answer, session)
            if status in (404, 410):
                raise UnknownJobError(f"{self.address()} does not know what it was asked ({status}).")
            if not 200 <= status < 300:
                raise refusal_error(answer, session, what)
            return body_of(answer, LARGEST_REPORT)

    def _body(self, file: BinaryIO, outbound: OutboundFile) -> tuple[Any, str]:
        content_type = CONTENT_TYPES.get(PurePath(outbound.name).suffix, "text/csv")
        if self.delivery.upload == "raw":
            return file, content_type
        form = MultipartEncoder({**self._token, self.delivery.field: (outbound.name, file, content_type)})
        return form, form.content_type

    @property
    def _client(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    @property
    def _jobs(self) -> ImportJobs:
        if not self.delivery.job:
            raise ConnectorError(
                "An import job is under way, and delivery.job is no longer in the connector file. Put it "
                "back until the job has ended."
            )
        return ImportJobs(self.delivery.job, self.connection, self._client.url)

    @property
    def _token(self) -> dict[str, str]:
        name = self.delivery.token_param
        return {name: password_of(self.connection, self.delivery.conn_id)} if name else {}

    @property
    def _auth(self) -> Auth | None:
        return no_auth if self.delivery.token_param else None

    @contextmanager
    def _answer(self, method: str, until: float, **request: Any) -> Iterator[requests.Response]:
        with self._client.session(until, self._auth) as session, session.answer(method, **request) as answer:
            yield answer
