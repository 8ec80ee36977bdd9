"""The message to the person on call: what happened, what to do, where to look. It names no learner."""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from include.codebashing_lms.config.notifications import Notify
from include.codebashing_lms.reporting.alerts.findings import new_findings
from include.codebashing_lms.reporting.alerts.state import AlertState
from include.codebashing_lms.reporting.run_end import RunEnd


@dataclass(frozen=True)
class Alert:
    """One message."""

    subject: str
    lines: tuple[str, ...]
    link: str | None = None


def alert_about(end: RunEnd, notify: Notify, state: AlertState, courses: Iterable[str]) -> Alert | None:
    """Return the message about a run, None when no person has to know of the run.

    :param courses: the courses seen up to this run.
    """
    if end.failed:
        return _failed(end, state)
    if end.manifest is None:
        return None
    found = new_findings(end.manifest, end, notify.set_aside_percent, state, courses)
    if not found:
        return None
    sentence = [end.message] if end.message else []
    return Alert(
        f"{end.connector}: needs a person",
        (f"The run of {minute(end.logical_date)} went through, but needs a person.", *sentence, *found),
    )


def _failed(end: RunEnd, state: AlertState) -> Alert:
    failure = end.failure
    urgency = "a person must look"
    if failure:
        urgency = "may wait" if failure["retryable"] else "a person must act"
    source = f"{failure['error']} ({failure['origin']}): " if failure else ""
    return Alert(
        f"{end.connector}: {end.failed} failed, {urgency}",
        (
            f"The run of {minute(end.logical_date)} did not finish: {end.failed} failed.",
            f"What happened: {source}{end.message}",
            f"What to do: {end.advice}",
            *_since(state),
        ),
    )


def minute(instant: datetime) -> str:
    """Return an instant as messages have it: 2026-11-23 05:15 UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _since(state: AlertState) -> list[str]:
    lines = []
    if state.failing_since and state.failing_runs:
        lines.append(f"Failing since {state.failing_since}: {state.failing_runs + 1} runs in a row by now.")
    if state.last_good:
        lines.append(f"The last good run ended {state.last_good}.")
    return lines


def overdue(connector: str, minutes: int, run_id: str, link: str | None) -> Alert:
    """Return the message about a run that is not over by its deadline."""
    return Alert(
        f"{connector}: not over after {minutes} minutes",
        (
            f"The run {run_id} is not over {minutes} minutes after it was queued.",
            "What to do: see which task runs. If none has begun, look at the scheduler and the workers; "
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
