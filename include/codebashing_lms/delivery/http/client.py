"""Requests to an LMS: logged in, within the deadline, no redirect followed, every failure explained."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import requests
import tenacity
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.deadline import AbortableAdapter, deadline
from include.codebashing_lms.connections.http import endpoint_url, new_session
from include.codebashing_lms.connections.http_errors import explain_request_error
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError

ATTEMPTS = 4
BACK_OFF = tenacity.wait_exponential(max=30)
IF_UNAVAILABLE = tenacity.retry_if_exception_type(DeliveryUnavailableError)
# A time-out comes so many seconds after the deadline, which aborts the connection with the right message.
DEADLINE_FIRST = 1.0

Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


@dataclass(frozen=True)
class LmsClient:
    """What all requests to one LMS share: its address, how to log in, how long to wait."""

    delivery: HttpDelivery
    connection: HttpConnection

    @property
    def url(self) -> str:
        """Return the endpoint's URL; its query may be secret."""
        return endpoint_url(self.connection, self.delivery.endpoint)

    @property
    def address(self) -> str:
        """Return the endpoint's address as messages name it."""
        return self.url.partition("?")[0]

    def deadline(self) -> float:
        """Return the instant, on the monotonic clock, at which a delivery that begins now has to end."""
        return time.monotonic() + self.delivery.deadline

    @contextmanager
    def session(
        self, until: float | None = None, auth: Auth | None = None, not_delivered: bool | None = None
    ) -> Iterator["LmsSession"]:
        """Give kept connections for some requests; they are aborted at the deadline.

        :param until: the deadline, unless a delivery begins now.
        :param auth: how to log in, unless as the connection says.
        :param not_delivered: as in LmsSession.
        """
        until = self.deadline() if until is None else until
        auth = auth or login_of(self.connection, self.delivery.conn_id)
        with new_session(self.connection) as http:
            adapter = AbortableAdapter()
            http.mount("http://", adapter)
            http.mount("https://", adapter)
            http.auth = auth
            with deadline(adapter.abort, max(0.001, until - time.monotonic()), self.address):
                yield LmsSession(self, http, adapter, until, not_delivered)


@dataclass(frozen=True)
class LmsSession:
    """Requests over kept connections, until a deadline.

    :param known_not_delivered: whether the LMS surely has nothing of the file when a request fails; None
        where that follows from whether there was a connection.
    """

    client: LmsClient
    http: requests.Session
    adapter: AbortableAdapter
    until: float
    known_not_delivered: bool | None = None

    @property
    def address(self) -> str:
        """Return the endpoint's address as messages name it."""
        return self.client.address

    @property
    def not_delivered(self) -> bool:
        """Return whether the LMS surely has nothing of the file, should a request fail now."""
        known = self.known_not_delivered
        return not self.adapter.sockets if known is None else known

    def before_delivery(self) -> "LmsSession":
        """Return the same connections for requests that deliver nothing yet."""
        return replace(self, known_not_delivered=True)

    @contextmanager
    def answer(self, method: str, url: str = "", **request: Any) -> Iterator[requests.Response]:
        """Give the answer to a request; messages do not quote why one failed, as that holds the query."""
        url = url or self.client.url
        left = max(0.0, self.until - time.monotonic()) + DEADLINE_FIRST
        timeout = min(self.client.delivery.timeout, left)
        with (
            self._translate_errors(url),
            self.http.request(method, url, timeout=timeout, allow_redirects=False, stream=True, **request) as answer,
        ):
            yield answer

    @contextmanager
    def _translate_errors(self, url: str) -> Iterator[None]:
        try:
            yield
        except HTTPError:
            raise DeliveryUnavailableError(
                f"The answer of {self.address} broke off.", not_delivered=self.not_delivered
            ) from None
        except OSError as error:
            timeout = self.client.delivery.timeout
            kinds = DeliveryError, DeliveryUnavailableError
            raise explain_request_error(
                error, url, timeout, "delivery", *kinds, not_delivered=self.not_delivered
            ) from None


def with_retries(until: float, retry: Any = IF_UNAVAILABLE) -> tenacity.Retrying:
    """Return attempts of one request, as far apart as the server asks, all before the deadline `until`."""
    return tenacity.Retrying(
        retry=retry,
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(until - time.monotonic()),
        wait=_wait,
        reraise=True,
    )


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    seconds = error.retry_after if isinstance(error, DeliveryUnavailableError) else None
    return max(seconds or 0.0, BACK_OFF(state))


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request as it is; without a way to log in requests would look for one in ~/.netrc."""
    return request


def login_of(connection: HttpConnection, conn_id: str) -> Auth:
    """Return how to log in: always something, else requests would look for a login in ~/.netrc."""
    token = password_of(connection, conn_id)
    if connection.login:
        return HTTPBasicAuth(connection.login.encode(), token.encode())
    if not (token.isascii() and token.isprintable()) or " " in token:
        # http.client would print the token in its error.
        raise ConnectorError(
            f"The password of the connection {conn_id} is no token: it holds a space, a line break or a "
            "character outside ASCII. Paste the token again."
        )

    def add_token(request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Log in with a bearer token."""
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return add_token


def password_of(connection: HttpConnection, conn_id: str) -> str:
    """Return the connection's password or token, which there must be."""
    if not connection.password:
        raise ConnectorError(
            f"The connection {conn_id} has no password; set it to the LMS's token, or set login and password."
        )
    return connection.password
