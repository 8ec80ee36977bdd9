"""Who is told when a run fails or needs a person."""

from typing import Annotated

from pydantic import Field, PositiveInt, model_validator

from include.codebashing_lms.sections import AtNeed, Percent, Section, Text


class SmtpChannel(Section):
    """Mail, by an Airflow connection of the type smtp."""

    conn_id: Text = "smtp_default"
    to: Annotated[list[Text], Field(min_length=1)]


class SlackChannel(Section):
    """Slack: an incoming webhook, or with a channel the connection of a Slack app."""

    conn_id: Text
    channel: Text | None = None


class AppriseChannel(Section):
    """Whatever Apprise can reach, by an Airflow connection of the type apprise."""

    conn_id: Text = "apprise_default"


class Notify(Section):
    """Channels, and what is worth a message besides failures."""

    smtp: AtNeed[SmtpChannel] | None = None
    slack: AtNeed[SlackChannel] | None = None
    apprise: AtNeed[AppriseChannel] | None = None
    set_aside_percent: Percent | None = None
    deadline: PositiveInt | None = None

    @property
    def channels(self) -> list[str]:
        """Return the names of the channels that are there."""
        return [name for name in ("smtp", "slack", "apprise") if getattr(self, name) is not None]

    @model_validator(mode="after")
    def _has_somebody_to_tell(self) -> "Notify":
        if not self.channels and self.model_fields_set:
            raise ValueError("names nobody to tell; give at least one of smtp, slack, apprise")
        return self
