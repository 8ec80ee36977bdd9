"""Alerts to people, through the notifiers of Airflow's providers."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from airflow.sdk import BaseHook

from codebashing_lms_airflow.airflow_compat import AirflowException, AirflowNotFoundException
from include.codebashing_lms.config.notifications import Notify
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.reporting.alerts.message import Alert, as_html, mrkdwn, plain

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notifier:
    """A channel of the connector file: mail, Slack or Apprise.

    :param kind: the type that its Airflow connection must have.
    """

    name: str
    kind: str
    conn_id: str
    send: Callable[[Alert], None]


def notifiers(notify: Notify) -> list[Notifier]:
    """Return a notifier for each channel of a connector file."""
    found = []
    if notify.smtp:
        found.append(Notifier("smtp", "smtp", notify.smtp.conn_id, lambda alert: _by_mail(notify.smtp, alert)))
    if notify.slack:
        kind = "slack" if notify.slack.channel else "slackwebhook"
        found.append(Notifier("slack", kind, notify.slack.conn_id, lambda alert: _slack(notify.slack, alert)))
    if notify.apprise:
        conn_id = notify.apprise.conn_id
        found.append(Notifier("apprise", "apprise", conn_id, lambda alert: _apprise(conn_id, alert)))
    return found


def problems(notify: Notify) -> list[str]:
    """Return the errors of channels that are not set up; nothing is sent."""
    found = []
    for notifier in notifiers(notify):
        try:
            _check(notifier)
        except ConnectorError as error:
            found.append(str(error))
    return found


def send(notify: Notify, alert: Alert) -> tuple[list[str], list[str]]:
    """Send an alert on all channels; return the channels that accepted it, and the errors of the others."""
    sent, failed = [], []
    for notifier in notifiers(notify):
        try:
            _check(notifier)
            with _translate_errors(notifier):
                notifier.send(alert)
        except ConnectorError as error:
            failed.append(str(error))
        else:
            sent.append(notifier.name)
    logger.info("%s: sent by %s", alert.subject, ", ".join(sent) or "no channel")
    return sent, failed


def _check(notifier: Notifier) -> None:
    """Raise ConnectorError for a channel that is not set up."""
    if find_spec("airflow.providers") is None or find_spec(f"airflow.providers.{notifier.name}") is None:
        raise ConnectorError(
            f"notify.{notifier.name} needs apache-airflow-providers-{notifier.name}, which is not here. "
            "Install it on the workers and the triggerer."
        )
    try:
        connection = BaseHook.get_connection(notifier.conn_id)
    except AirflowNotFoundException:
        raise ConnectorError(
            f"notify.{notifier.name}: the Airflow connection {notifier.conn_id!r} does not exist. "
            f"Create it with the type {notifier.kind} (Admin > Connections)."
        ) from None
    if connection.conn_type != notifier.kind:
        raise ConnectorError(
            f"notify.{notifier.name}: the Airflow connection {notifier.conn_id!r} has the type "
            f"{connection.conn_type}; it must be {notifier.kind}."
        )


@contextmanager
def _translate_errors(notifier: Notifier) -> Iterator[None]:
    """Raise a provider's errors as ConnectorError; `from None`: the cause may quote an address with a key."""
    try:
        yield
    except (AirflowException, OSError, ValueError, KeyError) as error:
        raise ConnectorError(
            f"notify.{notifier.name}: {notifier.conn_id!r} did not take the message "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]})."
        ) from None


def _by_mail(smtp: Any, alert: Alert) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    subject = f"Codebashing to LMS, {alert.subject}"
    # notify(), not a call of the notifier: the call would render braces in a text as a template
    SmtpNotifier(to=smtp.to, subject=subject, html_content=as_html(alert), smtp_conn_id=smtp.conn_id).notify({})


def _slack(slack: Any, alert: Alert) -> None:
    from airflow.providers.slack.notifications.slack import SlackNotifier
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
    from slack_sdk.errors import SlackClientError

    if slack.channel:
        notifier: Any = SlackNotifier(slack_conn_id=slack.conn_id, text=mrkdwn(alert), channel=slack.channel)
    else:
        notifier = SlackWebhookNotifier(slack_webhook_conn_id=slack.conn_id, text=mrkdwn(alert))
    try:
        notifier.notify({})
    except SlackClientError as error:
        raise AirflowException(str(error)) from None


def _apprise(conn_id: str, alert: Alert) -> None:
    """Send through Apprise itself: its Airflow notifier raises no error when no service took the message."""
    from airflow.providers.apprise.hooks.apprise import AppriseHook
    from apprise import Apprise

    hook, services = AppriseHook(conn_id), Apprise()
    hook.set_config_from_conn(conn=BaseHook.get_connection(conn_id), apprise_obj=services)
    title = f"Codebashing to LMS, {alert.subject}"
    if not services.notify(body=plain(alert), title=title, body_format="text"):
        raise AirflowException("a service of its config refused the message, or none is usable")
