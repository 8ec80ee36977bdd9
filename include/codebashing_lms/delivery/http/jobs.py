"""Import jobs of an LMS: the address to ask for the state of a job, and what the answer means."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests

from include.codebashing_lms.config.delivery_results import Job
from include.codebashing_lms.connections.http import endpoint_url
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.answers import MISSING, at, summary
from include.codebashing_lms.errors import DeliveryError

ITSELF = "{job}"
LONGEST_ID = 500


@dataclass(frozen=True)
class ImportJobs:
    """The jobs of an import endpoint.

    :param url: the endpoint's address; a job's own address is on the same host.
    """

    job: Job
    connection: HttpConnection
    url: str

    def id_in(self, answer: requests.Response, body: bytes) -> str:
        """Return the ID of the job that an upload began."""
        if self.job.id is None:
            source, job = "Location header", answer.headers.get("Location")
        else:
            source, job = f"{self.job.id} (delivery.job.id)", _value(body, self.job.id)
        if not job or len(job) > LONGEST_ID or not job.isprintable() or job in (".", ".."):
            raise DeliveryError(
                f"{self.url.partition('?')[0]} answered {summary(answer)}, but named no job: there is no "
                f"usable {source}. Whether it imports the file its own import log says; correct delivery.job."
            )
        self.url_of(job)  # raises where the job lies on another host
        return job

    def url_of(self, job: str, endpoint: str | None = None) -> str:
        """Return the address of a job, or of an endpoint about it; it is on the connection's host."""
        endpoint = endpoint or self.job.endpoint
        if self.job.endpoint != ITSELF or not endpoint.startswith(ITSELF):
            return endpoint_url(self.connection, endpoint.replace(ITSELF, quote(job, safe="")))
        url = urljoin(self.url, job)
        if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
            raise DeliveryError(
                f"The LMS's job lies on another host ({urlsplit(url).hostname}); it is not asked, to keep "
                "credentials where they belong. Set the connection's host to where jobs are."
            )
        return url + endpoint.removeprefix(ITSELF)

    def state_in(self, body: bytes, address: str) -> str:
        """Return `done`, `failed` or `working`."""
        state = _value(body, self.job.state)
        if not state:
            raise DeliveryError(
                f"{address} does not say how far the import is: its answer has no {self.job.state}. Correct "
                "delivery.job.state; the job is asked again then."
            )
        if state in self.job.done:
            return "done"
        return "failed" if state in self.job.failed else "working"


def _value(body: bytes, path: str) -> str:
    try:
        value: Any = at(json.loads(body), path)
    except (ValueError, RecursionError):
        return ""
    if value is MISSING or value is None or isinstance(value, (dict, list)):
        return ""
    return value if isinstance(value, str) else json.dumps(value)
