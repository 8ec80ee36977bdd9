"""The trigger form: what a person may set for one run, and how it is read."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param
from msgspec import Struct

from include.codebashing_lms.config.connector import GUARD_WORDS, Guards
from include.codebashing_lms.errors import ConnectorError

GUARDS = sorted(Guards.__struct_fields__)
GUARDS_IN_WORDS = {name: f"{words} ({name})" for name, words in GUARD_WORDS.items()}


class Form(Struct, frozen=True):
    """The answers of the trigger form."""

    as_of: str | None
    dry_run: bool
    check_only: bool
    send: str | None
    skip_guards: tuple[str, ...]
    reason: str | None


def trigger_form() -> dict[str, Param]:
    """Return the fields of the form; every default is that of a scheduled run."""
    return {
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="See first what would be sent: everything is built and the connection to the LMS is "
            "tried, but nothing is sent. load ends as skipped.",
        ),
        "check_only": Param(
            False,
            type="boolean",
            title="Check only",
            description="Are the connections in order? Logs in on both sides, says which keys and courses "
            "were seen and how many learners have an employee ID, writes and removes a probe at the LMS. "
            "Nothing is sent.",
        ),
        "as_of": Param(
            None,
            type=["null", "string"],
            title="As of",
            description="Leave it empty to tell how things stand now. For a past day: a date such as "
            "2026-11-23 (that day's first scheduled run), or an instant such as 2026-11-23T05:15:00Z "
            "(without a zone UTC).",
        ),
        "send": Param(
            None,
            type=["null", "string"],
            enum=[None, "changes", "full"],
            values_display={
                "null": "As the connector file says",
                "changes": "Changes: what the LMS does not know yet",
                "full": "Full: every row, also what the LMS knows",
            },
            title="Send",
            description="What this run sends.",
        ),
        "skip_guards": Param(
            [],
            type="array",
            items={"type": "string", "enum": GUARDS},
            examples=GUARDS,
            values_display=GUARDS_IN_WORDS,
            title="Skip guards",
            description="A guard stopped the last run, and its numbers are right after all? Let it pass this "
            "once, and say why below.",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="Why guards are skipped; needed with them. The receipt keeps it with your name.",
        ),
    }


def read_form(params: Mapping[str, Any]) -> Form:
    """Return the form's answers; raise ConnectorError for what cannot be meant."""
    skipped = tuple(params.get("skip_guards") or ())
    reason = (params.get("reason") or "").strip() or None
    unknown = sorted(set(map(str, skipped)) - set(GUARDS))
    if unknown:
        raise ConnectorError(
            f"skip_guards: {', '.join(unknown)} is no guard that can be skipped; allowed are "
            f"{', '.join(GUARDS)}. Trigger the run again."
        )
    if skipped and not reason:
        raise ConnectorError(
            "skip_guards needs a reason: it is kept in the receipt. Trigger the run again with both."
        )
    return Form(
        as_of=params.get("as_of"),
        dry_run=bool(params.get("dry_run")),
        check_only=bool(params.get("check_only")),
        send=params.get("send"),
        skip_guards=skipped,
        reason=reason,
    )
