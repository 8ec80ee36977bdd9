"""The forms in front of our DAGs: the trigger form of a connector, and the form of the admin DAG."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Param
from msgspec import Struct

from include.codebashing_lms.config.connector import GUARD_WORDS, Guards
from include.codebashing_lms.errors import ConnectorError

GUARDS = sorted(Guards.__struct_fields__)


class Form(Struct, frozen=True):
    """The values of the trigger form."""

    as_of: str | None
    dry_run: bool
    check_only: bool
    send: str | None
    skip_guards: tuple[str, ...]
    reason: str | None


def trigger_form() -> dict[str, Param]:
    """Return the fields of the trigger form; the defaults are those of a scheduled run."""
    return {
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="See what would be sent: everything is built and the connection to the LMS is "
            "tried, but nothing is sent. load ends as skipped.",
        ),
        "check_only": Param(
            False,
            type="boolean",
            title="Check only",
            description="Are the connections in order? Logs in to both systems, shows the keys and courses "
            "of the records and how many learners have an employee ID, writes and removes a probe. "
            "Nothing is sent.",
        ),
        "as_of": _text(
            "As of",
            "Leave it empty for the progress of today. For a past day: a date such as 2026-11-23 (that day's "
            "first scheduled run), or an instant such as 2026-11-23T05:15:00Z (without a zone UTC).",
        ),
        "send": _text(
            "Send",
            "What this run sends.",
            enum=[None, "changes", "full"],
            values_display={
                "null": "As the connector file says",
                "changes": "Changes: what the LMS does not know yet",
                "full": "Full: every row, also what the LMS knows",
            },
        ),
        "skip_guards": Param(
            [],
            type="array",
            items={"type": "string", "enum": GUARDS},
            examples=GUARDS,
            values_display={name: f"{words} ({name})" for name, words in GUARD_WORDS.items()},
            title="Skip guards",
            description="A guard stopped the last run, but the numbers are right? Skip the guard this "
            "once, and give the reason below.",
        ),
        "reason": _text("Reason", "Why guards are skipped; needed with them. The receipt keeps it with your name."),
    }


def read_form(params: Mapping[str, Any]) -> Form:
    """Return the values of the trigger form; raise ConnectorError for unknown guards or a missing reason."""
    skipped = tuple(params.get("skip_guards") or ())
    reason = (params.get("reason") or "").strip() or None
    unknown = sorted(set(map(str, skipped)) - set(GUARDS))
    if unknown:
        raise ConnectorError(
            f"skip_guards: {', '.join(unknown)} is no guard that can be skipped; allowed are "
            f"{', '.join(GUARDS)}. Trigger the run again."
        )
    if skipped and not reason:
        raise ConnectorError("skip_guards needs a reason: it is kept in the receipt. Trigger the run again with both.")
    dry_run, check_only = bool(params.get("dry_run")), bool(params.get("check_only"))
    return Form(params.get("as_of"), dry_run, check_only, params.get("send"), skipped, reason)


ACTION_LABELS = {
    "first_delivery": "first_delivery: what the LMS knows already",
    "reset": "reset: forget what this LMS was sent",
    "rebuild": "rebuild: the ledger from its journal",
    "purge": "purge: old snapshots and journal entries",
    "notify": "notify: a test message, to see whether alerts arrive",
    "resend": "resend: send some rows again",
    "refused": "refused: the LMS's reject list",
    "roll_back": "roll_back: to an earlier entry of the journal",
    "settle": "settle: say whether the LMS took a delivery",
}


def admin_form(connectors: Sequence[str]) -> dict[str, Param]:
    """Return the fields of the admin form; connector and action have no default: they must be chosen."""
    from include.codebashing_lms.admin.form import ACTION_NAMES, ANSWERS, FOUND  # not for other DAGs

    return {
        "connector": Param(
            type="string",
            enum=list(connectors),
            title="Connector",
            description="The connector that the action is about.",
        ),
        "action": Param(
            type="string",
            enum=list(ACTION_NAMES),
            values_display=ACTION_LABELS,
            title="Action",
            description="What to do; the fields that an action has no use for stay empty.",
        ),
        "reason": _text("Reason", "Why; kept in the journal with your name. Not needed by rebuild, purge, notify."),
        "answer": _text(
            "Answer",
            "For first_delivery: send all, only what was completed since a date, or what a baseline (an "
            "export of the LMS) lacks.",
            enum=[None, *ANSWERS],
        ),
        "file": _text(
            "File",
            "Address of a list, such as file:///mnt/export.csv or s3://connection@bucket/export.csv. For a "
            "baseline: CSV with employee_id,course,completed_at. For resend: one employee ID a line. For "
            "refused: the LMS's reject list, CSV with user_key, and course_id and reason if it has them.",
        ),
        "since": _text("Since", "First day (UTC) of completions, for first_delivery and resend.", format="date"),
        "until": _text("Until", "Last day (UTC) of completions, for resend.", format="date"),
        "course": _text("Course", "For resend: Codebashing's name of a course, or its ID in the LMS."),
        "number": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Journal entry",
            description="For roll_back: the entry after which all was well. Empty: the run fails and lists the newest.",
        ),
        "delivery": _text("Delivery", "For settle: the ID in the message of the run that stopped."),
        "found": _text("Found", "For settle: whether the LMS took the file.", enum=[None, *FOUND]),
    }


def _text(title: str, description: str, **schema: Any) -> Param:
    return Param(None, type=["null", "string"], title=title, description=description, **schema)
