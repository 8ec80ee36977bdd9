"""What the person on call is told about a run: what happened, what to do, where to look; nobody's data."""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from include.codebashing_lms.config.notifications import Notify
from include.codebashing_lms.reporting.alerts.findings import new_findings
from include.codebashing_lms.reporting.alerts.state import AlertState
from include.codebashing_lms.transform.manifest import Manifest

LOOK = (
    "Not foreseen, see the task's log. Clear the task once the reason is gone; left alone, "
    "the next good run sends everything missed."
)


@dataclass(frozen=True)
class Alert:
    """One message."""

    subject: str
    lines: tuple[str, ...]
    link: str | None = None


@dataclass(frozen=True)
class RunEnd:
    """How a run ended, as its last task sees it.

    :param date: its logical date, as people read it.
    :param failed: the task that failed, None when all is well.
    :param failure: what that task said: error, origin, heals, message, advice; None when it was killed.
    :param manifest: None when the run did not come that far.
    """

    connector: str
    date: str
    failed: str | None = None
    failure: dict[str, Any] | None = None
    manifest: Manifest | None = None
    outcome: dict[str, Any] | None = None


def alert_about(ended: RunEnd, notify: Notify, memory: AlertState, courses: Iterable[str]) -> Alert | None:
    """Return what is worth a message about a run, None when nobody need be told."""
    if ended.failed:
        return _failed(ended, memory)
    if ended.manifest is None:
        return None
    refused = (ended.outcome or {}).get("refused", 0)
    found = new_findings(ended.manifest, refused, notify.set_aside_percent, memory, courses)
    if not found:
        return None
    sentence = [ended.outcome["sentence"]] if ended.outcome else []
    return Alert(
        f"{ended.connector}: needs a person",
        (f"The run of {ended.date} went through, but needs a person.", *sentence, *found),
    )


def _failed(ended: RunEnd, memory: AlertState) -> Alert:
    failure = ended.failure
    whose = (
        "a person must look" if failure is None else "may wait" if failure["heals"] else "a person must act"
    )
    what = (
        f"{failure['error']} ({failure['origin']}): {failure['message']}"
        if failure
        else "It was killed, lost, or met something that was not foreseen."
    )
    return Alert(
        f"{ended.connector}: {ended.failed} failed, {whose}",
        (
            f"The run of {ended.date} did not finish: {ended.failed} failed.",
            f"What happened: {what}",
            f"What to do: {failure['advice'] if failure else LOOK}",
            *_since(memory),
        ),
    )


def _since(memory: AlertState) -> list[str]:
    """Say since when runs have been failing, as far as that is known."""
    lines = []
    if memory.failing_since and memory.failing_runs:
        lines.append(f"Failing since {memory.failing_since}: {memory.failing_runs + 1} runs in a row by now.")
    if memory.last_good:
        lines.append(f"The last good run ended {memory.last_good}.")
    return lines


def overdue(connector: str, minutes: int, run_id: str, link: str | None) -> Alert:
    """Return the message about a run that is not over by its deadline."""
    return Alert(
        f"{connector}: not over after {minutes} minutes",
        (
            f"The run {run_id} is not over {minutes} minutes after it was queued.",
            "What to do: see which task it is at. If none has begun, look at the scheduler and the workers; "
            "if load waits, at the LMS. A run that still ends well needs nobody.",
        ),
        link,
    )


def trial(connector: str, by: str | None) -> Alert:
    """Return the message that shows that a channel works."""
    return Alert(
        f"{connector}: a test",
        (f"{by or 'Somebody'} tries out the alerts of {connector}. This is how they arrive; all is well.",),
    )


def plain(alert: Alert) -> str:
    """Return the text of a message, without its subject."""
    return "\n".join([*alert.lines, *([alert.link] if alert.link else [])])


def as_html(alert: Alert) -> str:
    """Return the body of a mail."""
    paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in alert.lines)
    address = html.escape(alert.link or "")
    return paragraphs + (f'<p><a href="{address}">{address}</a></p>' if address else "")


def mrkdwn(alert: Alert) -> str:
    """Return a message for Slack, in which no text can call a channel or fake a link."""
    lines = [_escape_mrkdwn(line) for line in alert.lines]
    link = [f"<{alert.link}|Open the run>"] if alert.link else []
    return "\n".join([f"*{_escape_mrkdwn(alert.subject)}*", *lines, *link])


def _escape_mrkdwn(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
