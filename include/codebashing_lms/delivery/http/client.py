"""Requests to an LMS: logged in, within the deadline, no redirect followed, every failure explained."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import tenacity
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.deadline import AbortableAdapter, deadline
from include.codebashing_lms.connections.http import endpoint_url, new_session
from include.codebashing_lms.connections.http_errors import explain_request_error
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError

TRIES = 4
BACK_OFF = tenacity.wait_exponential(max=30)
# Seconds that a time-out comes behind the deadline, which cuts the connection and says the right words.
DEADLINE_FIRST = 1.0


@dataclass(frozen=True)
class LmsClient:
    """What all requests to one LMS share: where it is, how to log in, how long to wait."""

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
        """Return when a delivery that begins now has to end."""
        return time.monotonic() + self.delivery.deadline

    @contextmanager
    def conversation(self, until: float, login: AuthBase | None = None) -> Iterator["LmsSession"]:
        """Give kept connections for some requests, which are cut when the time is up."""
        auth = login or login_of(self.connection, self.delivery.conn_id)
        with new_session(self.connection) as session:
            adapter = AbortableAdapter()
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            session.auth = auth
            with (
                _not_delivered_unless_connected(adapter),
                deadline(adapter.cut, max(0.001, until - time.monotonic()), self.address),
            ):
                yield LmsSession(self, session, until)


@dataclass(frozen=True)
class LmsSession:
    """Requests over kept connections, until a moment."""

    calls: LmsClient
    session: requests.Session
    until: float

    @contextmanager
    def answer(self, method: str, url: str = "", **request: Any) -> Iterator[requests.Response]:
        """Give the answer to a request; the reasons of failures are not quoted, they hold the query."""
        url = url or self.calls.url
        left = max(0.0, self.until - time.monotonic()) + DEADLINE_FIRST
        timeout = min(self.calls.delivery.timeout, left)
        with (
            self._failure_explained(url),
            self.session.request(
                method, url, timeout=timeout, allow_redirects=False, stream=True, **request
            ) as answer,
        ):
            yield answer

    @contextmanager
    def _failure_explained(self, url: str) -> Iterator[None]:
        try:
            yield
        except HTTPError:
            raise DeliveryUnavailableError(f"The answer of {self.calls.address} broke off.") from None
        except OSError as error:
            timeout = self.calls.delivery.timeout
            raise explain_request_error(
                error, url, timeout, "delivery", DeliveryError, DeliveryUnavailableError
            ) from None


def is_retryable(error: BaseException) -> bool:
    """Tell whether trying again may help."""
    return isinstance(error, DeliveryUnavailableError)


def with_retries(
    until: float, may_be_repeated: Callable[[BaseException], bool] = is_retryable
) -> tenacity.Retrying:
    """Return tries of one request, as far apart as the server asks, all before a moment."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(may_be_repeated),
        stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_before_delay(until - time.monotonic()),
        wait=_wait,
        reraise=True,
    )


def _wait(state: tenacity.RetryCallState) -> float:
    """Wait as long as the server asked for, at least with back-off."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, DeliveryUnavailableError) else None
    return max(asked or 0.0, BACK_OFF(state))


@contextmanager
def _not_delivered_unless_connected(adapter: AbortableAdapter) -> Iterator[None]:
    try:
        yield
    except DeliveryError as error:
        error.nothing_taken |= not adapter.sockets
        raise


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class NoAuth(AuthBase):
    """No Authorization header; without it requests would look for a login in ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request as it is."""
        return request


def login_of(connection: HttpConnection, conn_id: str) -> AuthBase:
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
    return _Bearer(token)


def password_of(connection: HttpConnection, conn_id: str) -> str:
    """Return the connection's password or token, which there must be."""
    if not connection.password:
        raise ConnectorError(
            f"The connection {conn_id} has no password; set it to the LMS's token, or set login and password."
        )
    return connection.password
