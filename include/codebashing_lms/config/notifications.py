"""The sections `notify` and `report`: who gets alerts, and where the report after each run goes."""

from typing import Annotated

from msgspec import Meta

from include.codebashing_lms.config.schema.field_types import Percent, PositiveInt, Section, Text


class SmtpChannel(Section, frozen=True, kw_only=True):
    """Mail through an Airflow connection of the type smtp."""

    conn_id: Text = "smtp_default"
    to: Annotated[list[Text], Meta(min_length=1)]


class SlackChannel(Section, frozen=True, kw_only=True):
    """Slack through an incoming webhook; with `channel`, through the connection of a Slack app."""

    conn_id: Text
    channel: Text | None = None


class AppriseChannel(Section, frozen=True, kw_only=True):
    """Any service that Apprise supports, through an Airflow connection of the type apprise."""

    conn_id: Text = "apprise_default"


class Notify(Section, frozen=True, kw_only=True):
    """The section `notify`: channels, and reasons for an alert besides failures.

    :param set_aside_percent: an alert goes out when more learners were set aside.
    :param deadline: minutes; an alert goes out when a run takes longer.
    """

    smtp: SmtpChannel | None = None
    slack: SlackChannel | None = None
    apprise: AppriseChannel | None = None
    set_aside_percent: Percent | None = None
    deadline: PositiveInt | None = None

    @property
    def channels(self) -> list[str]:
        """Return the names of the channels that are set."""
        return [name for name in ("smtp", "slack", "apprise") if getattr(self, name) is not None]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.channels and (self.set_aside_percent is not None or self.deadline is not None):
            raise ValueError("names nobody to tell; give at least one of smtp, slack, apprise")


class Report(Section, frozen=True, kw_only=True):
    """The section `report`: a folder, a directory on an SFTP server, or an address such as s3://bucket/reports."""

    directory: Text | None = None
    conn_id: Text | None = None
    uri: Text | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.directory and self.uri:
            raise ValueError("goes to one place: give directory, or uri, not both")
        if self.conn_id and not self.directory:
            raise ValueError("conn_id is for SFTP and needs directory, where the report goes on that server")
