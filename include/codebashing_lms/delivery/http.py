"""Delivery to an import endpoint of the LMS."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import requests
import tenacity
from requests.auth import AuthBase, HTTPBasicAuth
from requests_toolbelt import MultipartEncoder
from urllib3.exceptions import HTTPError

from include.codebashing_lms.connector import HttpDelivery
from include.codebashing_lms.delivery import Handed, Parcel
from include.codebashing_lms.delivery.deadline import ends_in_time
from include.codebashing_lms.delivery.http_answer import judge, refuse_login, refuse_redirect
from include.codebashing_lms.delivery.http_connections import WatchedAdapter
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError
from include.codebashing_lms.http_faults import failure
from include.codebashing_lms.http_site import HttpSite, new_session, site_url

CONTENT_TYPE = "text/csv"
TRIES = 4
BACK_OFF = tenacity.wait_exponential(max=30)


@dataclass(frozen=True)
class HttpWay:
    """One POST of the file; what becomes of it there, the endpoint's answer says.

    :param appends: whether the LMS adds the rows once more where it is sent them once more.
    """

    delivery: HttpDelivery
    site: HttpSite
    appends: bool = False
    result = "accepted by the import endpoint"

    def address(self, name: str = "") -> str:
        """Return the endpoint's address, which is the same for every file."""
        return site_url(self.site, self.delivery.endpoint).partition("?")[0]

    def deliver(self, parcel: Parcel, resuming: bool) -> Handed:
        """Send the file, again with the same key where that may help: the LMS imports one key once.

        An endpoint cannot be asked what an earlier try did, so `resuming` changes nothing.
        """
        until = time.monotonic() + self.delivery.deadline
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._may_be_repeated),
            stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_before_delay(self.delivery.deadline),
            wait=_wait,
            reraise=True,
        )
        tries(self._send, parcel, until)
        return Handed()

    def _may_be_repeated(self, error: BaseException) -> bool:
        """Tell whether another try may help and cannot harm: not every LMS honours the key."""
        if not isinstance(error, DeliveryUnavailableError):
            return False
        return error.nothing_taken or not self.appends

    def occupied(self, name: str) -> bool:
        """Return False: an import endpoint has no files to look at."""
        return False

    def found(self, name: str, size: int, sha256: str) -> bool:
        """Return False: an import endpoint cannot be asked what it took."""
        return False

    def try_connection(self) -> str:
        """Ask with OPTIONS, which HTTP calls safe; whether a file is taken shows only when one is sent.

        It carries the login, so that a wrong token is found out. Other status codes are not judged: many
        endpoints know no OPTIONS.
        """
        until = time.monotonic() + self.delivery.deadline
        with self._answer("OPTIONS", until) as answer:
            refuse_redirect(answer, self.address())
            refuse_login(answer, self.address(), self.delivery.conn_id)
            return (
                f"{self.address()} answers (OPTIONS, status {answer.status_code}) and did not refuse the "
                "login; whether it takes a file shows only when one is sent."
            )

    def probe(self) -> str:
        """Do what `try_connection` does: anything written to an import endpoint would be imported."""
        return self.try_connection()

    def _send(self, parcel: Parcel, until: float) -> None:
        with parcel.path.open("rb") as file:
            body, content_type = self._body(file, parcel)
            headers = {"Content-Type": content_type, "Idempotency-Key": parcel.idempotency_key}
            with self._answer("POST", until, data=body, headers=headers) as answer:
                judge(answer, self.delivery.success, self.address(), self.delivery.conn_id)

    def _body(self, file: BinaryIO, parcel: Parcel) -> tuple[Any, str]:
        if self.delivery.upload == "raw":
            return file, CONTENT_TYPE
        form = MultipartEncoder({self.delivery.field: (parcel.name, file, CONTENT_TYPE)})
        return form, form.content_type

    @contextmanager
    def _answer(self, method: str, until: float, **request: Any) -> Iterator[requests.Response]:
        """Give the answer to a request; the reasons of failures are not quoted, they hold the query."""
        login = _login(self.site, self.delivery.conn_id)
        url = site_url(self.site, self.delivery.endpoint)
        left = max(0.001, until - time.monotonic())
        with new_session(self.site) as session:
            adapter = WatchedAdapter()
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            with (
                _nothing_taken_unless_connected(adapter),
                ends_in_time(adapter.cut, left, self.address()),
                self._failure_explained(url),
                session.request(
                    method, url, params=self.delivery.params, auth=login,
                    timeout=min(self.delivery.timeout, left), allow_redirects=False, stream=True, **request,
                ) as answer,
            ):  # fmt: skip
                yield answer

    @contextmanager
    def _failure_explained(self, url: str) -> Iterator[None]:
        try:
            yield
        except HTTPError:
            raise DeliveryUnavailableError(f"The answer of {self.address()} broke off.") from None
        except OSError as error:
            timeout = self.delivery.timeout
            raise failure(error, url, timeout, "delivery", DeliveryError, DeliveryUnavailableError) from None


@contextmanager
def _nothing_taken_unless_connected(adapter: WatchedAdapter) -> Iterator[None]:
    try:
        yield
    except DeliveryError as error:
        error.nothing_taken |= not adapter.sockets
        raise


def _wait(state: tenacity.RetryCallState) -> float:
    """Wait as long as the server asked for, at least with back-off."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, DeliveryUnavailableError) else None
    return max(asked or 0.0, BACK_OFF(state))


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _login(site: HttpSite, conn_id: str) -> AuthBase:
    """Return how to log in: always something, else requests would look for a login in ~/.netrc."""
    if not site.password:
        raise ConnectorError(
            f"The connection {conn_id} has no password; set it to the LMS's token, or set login and password."
        )
    if site.login:
        return HTTPBasicAuth(site.login.encode(), site.password.encode())
    if not (site.password.isascii() and site.password.isprintable()) or " " in site.password:
        # http.client would print the token in its error.
        raise ConnectorError(
            f"The password of the connection {conn_id} is no token: it holds a space, a line break or a "
            "character outside ASCII. Paste the token again."
        )
    return _Bearer(site.password)
