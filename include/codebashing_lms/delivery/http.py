"""Delivery to an import endpoint of the LMS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, BinaryIO

import requests
from requests_toolbelt import MultipartEncoder

from include.codebashing_lms.connector import HttpDelivery
from include.codebashing_lms.delivery import Handed, Parcel
from include.codebashing_lms.delivery.http_answer import judge, refuse_login, refuse_redirect
from include.codebashing_lms.delivery.http_calls import Calls, retrying
from include.codebashing_lms.errors import DeliveryUnavailableError
from include.codebashing_lms.http_site import HttpSite

CONTENT_TYPES = {".zip": "application/zip", ".gz": "application/gzip"}


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
        return self._calls.address

    def deliver(self, parcel: Parcel, resuming: bool) -> Handed:
        """Send the file, again with the same key where that may help: the LMS imports one key once.

        An endpoint cannot be asked what an earlier try did, so `resuming` changes nothing.
        """
        until = self._calls.deadline()
        retrying(until, self._may_be_repeated)(self._send, parcel, until)
        return Handed()

    def _may_be_repeated(self, error: BaseException) -> bool:
        """Tell whether another try may help and cannot harm: not every LMS honours the key."""
        return isinstance(error, DeliveryUnavailableError) and (error.nothing_taken or not self.appends)

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
        with self._answer("OPTIONS", self._calls.deadline()) as answer:
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
        content_type = CONTENT_TYPES.get(PurePath(parcel.name).suffix, "text/csv")
        if self.delivery.upload == "raw":
            return file, content_type
        form = MultipartEncoder({self.delivery.field: (parcel.name, file, content_type)})
        return form, form.content_type

    @property
    def _calls(self) -> Calls:
        return Calls(self.delivery, self.site)

    @contextmanager
    def _answer(self, method: str, until: float, **request: Any) -> Iterator[requests.Response]:
        with (
            self._calls.conversation(until) as conversation,
            conversation.answer(method, params=self.delivery.params, **request) as answer,
        ):
            yield answer
