"""Who is told when a run fails or needs a person."""

from typing import Annotated

from msgspec import Meta

from include.codebashing_lms.sections import Percent, PositiveInt, Section, Text


class SmtpChannel(Section, frozen=True, kw_only=True):
    """Mail, by an Airflow connection of the type smtp."""

    conn_id: Text = "smtp_default"
    to: Annotated[list[Text], Meta(min_length=1)]


class SlackChannel(Section, frozen=True, kw_only=True):
    """Slack: an incoming webhook, or with a channel the connection of a Slack app."""

    conn_id: Text
    channel: Text | None = None


class AppriseChannel(Section, frozen=True, kw_only=True):
    """Whatever Apprise can reach, by an Airflow connection of the type apprise."""

    conn_id: Text = "apprise_default"


class Notify(Section, frozen=True, kw_only=True):
    """Channels, and what is worth a message besides failures."""

    smtp: SmtpChannel | None = None
    slack: SlackChannel | None = None
    apprise: AppriseChannel | None = None
    set_aside_percent: Percent | None = None
    deadline: PositiveInt | None = None

    @property
    def channels(self) -> list[str]:
        """Return the names of the channels that are there."""
        return [name for name in ("smtp", "slack", "apprise") if getattr(self, name) is not None]

    def __post_init__(self) -> None:
        """Hold that there is somebody to tell, if there is something to tell; raise ValueError."""
        super().__post_init__()
        if not self.channels and (self.set_aside_percent is not None or self.deadline is not None):
            raise ValueError("names nobody to tell; give at least one of smtp, slack, apprise")
