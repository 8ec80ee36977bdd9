"""The trigger form: what a person may set for one run, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import Param

from include.codebashing_lms.connector import Guards
from include.codebashing_lms.errors import ConnectorError

GUARDS = sorted(Guards.model_fields)


@dataclass(frozen=True)
class Form:
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
        "as_of": Param(
            None,
            type=["null", "string"],
            title="As of",
            description="Date (2026-11-23: that day's first scheduled run) or instant (2026-11-23T05:15:00Z; "
            "without a zone UTC) the run speaks for. Empty: now.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Builds everything and tries the connection to the LMS, but sends nothing; "
            "load ends as skipped.",
        ),
        "check_only": Param(
            False,
            type="boolean",
            title="Check only",
            description="Logs in on both sides, tells which keys and courses were seen and how many learners "
            "have an ID, writes and removes a probe at the LMS; sends nothing.",
        ),
        "send": Param(
            None,
            type=["null", "string"],
            enum=[None, "changes", "full"],
            values_display={"changes": "Changes: what the LMS does not know yet", "full": "Full: every row"},
            title="Send",
            description="What this run sends. Empty: as the connector file says.",
        ),
        "skip_guards": Param(
            [],
            type="array",
            items={"type": "string", "enum": GUARDS},
            examples=GUARDS,
            title="Skip guards",
            description="Guards that may not stop this run; say why below. The receipt keeps it all.",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="Why guards are skipped, for the audit; required with them.",
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
