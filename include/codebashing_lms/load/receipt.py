"""receipt.json: what was sent where, when and by whom; written before the first byte and after the last."""

from enum import StrEnum
from typing import Any

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from include.codebashing_lms.staging.files import StagedPath, read_struct, write_json
from include.codebashing_lms.staging.layout import RECEIPT


class State(StrEnum):
    """How far a delivery is."""

    SENDING = "sending"  # a file is on its way, or the task was killed before it could say more
    WORKING = "working"  # the LMS has a file and works on its import job
    PARTLY = "partly"  # the LMS has some of the files, and surely nothing of the next one
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"  # the LMS surely has nothing
    FAILED = "failed"  # the LMS says that its import failed
    UNKNOWN = "unknown"  # nobody can say whether the LMS has the file


# A file goes sending -> working -> delivered, without working where there is no import job. Several files go
# sending -> partly -> sending until the last one. A person who looked at the LMS may say how any delivery
# ended, except a delivered one.
TRANSITIONS = {
    State.SENDING: {
        State.WORKING, State.PARTLY, State.DELIVERED, State.NOT_DELIVERED, State.UNKNOWN,
    },
    State.WORKING: {State.PARTLY, State.DELIVERED, State.NOT_DELIVERED, State.FAILED, State.UNKNOWN},
    State.PARTLY: {State.SENDING, State.DELIVERED},
    State.DELIVERED: set(),
    State.NOT_DELIVERED: {State.PARTLY, State.DELIVERED},
    State.FAILED: {State.PARTLY, State.DELIVERED, State.NOT_DELIVERED},
    State.UNKNOWN: {State.PARTLY, State.DELIVERED, State.NOT_DELIVERED},
}  # fmt: skip


class PickupState(StrEnum):
    """What is known of a dropped file, see load/pickup.py."""

    DROPPED = "dropped"
    PICKED_UP = "picked up"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    REPLACED = "replaced"


class Content(Struct, frozen=True):
    """A file before it is packed."""

    file: str
    bytes: int
    sha256: str


class Part(Struct, frozen=True, omit_defaults=True):
    """One of the files of a delivery, as it goes to the LMS.

    :param course: the course of all its rows, where each course has a file of its own.
    :param packing: how the file is packed, None for no packing. `content` is the file before packing.
    """

    file: str
    bytes: int
    sha256: str
    rows: int
    course: str | None = None
    packing: dict[str, str] | None = None
    content: Content | None = None


class Wait(Struct, frozen=True):
    """Which run waits for the LMS's import job, and until when."""

    by: str
    until: str


class Resolution(Struct, frozen=True):
    """Who recorded by hand what the LMS has, why and when."""

    by: str | None
    reason: str | None
    when: str


class Pickup(Struct, frozen=True):
    """What is known of dropped files; by file name when it was seen to be gone, or to have a result file."""

    state: PickupState = PickupState.DROPPED
    picked_up: dict[str, str] = {}
    results: dict[str, str] = {}


class Receipt(Struct, frozen=True, omit_defaults=True):
    """What was sent where, when and by whom; it names files and counts, and no person.

    :param rows: number of rows in all files. `refused` is the number of rows that the LMS has refused so far.
    :param known_refusals: how many refusals are as before: the same learner, course and reason.
    :param other_rows: rows that the LMS has or was sent before, and that this delivery does not hold.
    :param refused_before: how many rows of this delivery the LMS refused when they were last sent.
    :param refusals_to_come: whether the LMS says only later which rows it refuses, or never.
    :param file: the first file; `bytes`, `sha256`, `packing` and `content` are of this file, too.
    :param where: where the first file goes, without credentials.
    :param delivery: its ID, the idempotency key of the first file.
    :param parts: all files, where there are several.
    :param after: ID of the earlier delivery, if its import job failed.
    :param import_: who starts the import in the LMS, if it does not start by itself.
    :param parts_done: how many files the LMS surely has; `parts_journaled` of them are in the journal.
    :param refusals_unmatched: how many refusals of the LMS match no row that was sent.
    :param known: what is known of the files, and where they are.
    :param job: the LMS's ID of its import job; `job_status` what the LMS says of it.
    """

    state: State
    connector: str
    connector_sha256: str
    package_version: str
    run_id: str | None
    clear_number: int
    triggered_by: str | None
    skipped_guards: list[str]
    reason: str | None
    method: str
    rows: int
    refused: int
    refusals_to_come: bool
    file: str
    bytes: int
    sha256: str
    as_of: str
    provenance: str
    learners: dict[str, int]
    sending_since: str
    where: str
    destination: dict[str, str]
    delivery: str = ""
    packing: dict[str, str] | None = None
    content: Content | None = None
    parts: list[Part] | None = None
    import_: str | None = field(name="import", default=None)
    after: str | None = None
    parts_done: int = 0
    parts_journaled: int = 0
    other_rows: int = 0
    refused_before: int = 0
    known_refusals: int = 0
    refusals_unmatched: int = 0
    known: str | None = None
    sent_by_earlier_try: bool | None = None
    delivered_at: str | None = None
    job: str | None = None
    job_since: str | None = None
    job_status: str | None = None
    wait: Wait | None = None
    resolution: Resolution | None = None
    pickup: Pickup | None = None

    @property
    def files(self) -> list[Part]:
        """Return the files of the delivery, in the order in which they are sent."""
        only = Part(self.file, self.bytes, self.sha256, self.rows, packing=self.packing, content=self.content)
        return self.parts or [only]

    @property
    def new_refusals(self) -> int:
        """Return how many refused rows the LMS did not refuse before, or for another reason."""
        return self.refused - self.known_refusals

    @property
    def next_part(self) -> int:
        """Return the number of the file that the LMS may not have; of the last one where it has all."""
        return min(self.parts_done, len(self.files) - 1)


def transition(receipt: Receipt, state: State, **changes: Any) -> Receipt:
    """Return a receipt in its next state; ValueError where it cannot come to this state."""
    if state != receipt.state and state not in TRANSITIONS[receipt.state]:
        raise ValueError(f"A delivery that is {receipt.state} does not become {state}.")
    return replace(receipt, state=state, **changes)


def as_dict(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt under the keys of receipt.json; a key without a value is absent."""
    content: dict[str, Any] = to_builtins(receipt)
    return content


def write_receipt(folder: StagedPath, receipt: Receipt) -> None:
    """Stage the receipt in its run's folder."""
    write_json(folder / RECEIPT, as_dict(receipt))


def read_receipt(folder: StagedPath) -> Receipt | None:
    """Return the receipt in a run's folder, if there is one; ValueError where it is damaged."""
    return read_struct(folder / RECEIPT, Receipt) if (folder / RECEIPT).exists() else None
