"""The date of a run, and the provenance of the records that the run builds its file from."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from croniter import croniter

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.errors import RunDateError

CLOCKS_MAY_DIFFER_BY = timedelta(minutes=5)
YEARS = range(2000, 2200)  # beyond them a cron library runs out of calendar


class Provenance(StrEnum):
    """Where the records of a run come from.

    :cvar LIVE: Codebashing answers within the live window after the date.
    :cvar REPLAYED: the archive holds the snapshot of the date.
    :cvar RECONSTRUCTED: a later snapshot, or Codebashing now, proves what held on the date.
    :cvar RENDERED: a file of records that the command `render` is given.
    """

    LIVE = "live"
    REPLAYED = "replayed"
    RECONSTRUCTED = "reconstructed"
    RENDERED = "rendered"


def logical_date(scheduled: datetime, as_of: str | None, is_backfill: bool, connector: Connector) -> datetime:
    """Return the date of a run: the form's as_of, else the date that Airflow gave the run."""
    if not as_of or not as_of.strip():
        return scheduled.astimezone(UTC)
    if is_backfill:
        raise RunDateError(
            "as_of cannot be set on a backfill: each of its runs has a date of its own. "
            "Start the backfill again with as_of left empty."
        )
    day = _day(as_of.strip())
    if day and day.year in YEARS:
        return first_tick(connector, day)
    instant = parse_instant(as_of)
    if instant is None or instant.year not in YEARS:
        raise RunDateError(
            f"as_of: {as_of.strip()[:40]!r} is neither a date such as 2026-11-23 nor an instant such as "
            "2026-11-23T05:15:00Z. Trigger the run again with one of these, or leave the field empty."
        )
    return instant


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def first_tick(connector: Connector, day: date) -> datetime:
    """Return the first run of the schedule on a day in the connector's zone; midnight without a schedule."""
    tick = midnight = datetime.combine(day, time())  # noqa: DTZ001 (a cron line means local time)
    if connector.cron:
        tick = croniter(connector.cron, midnight - timedelta(seconds=1)).get_next(datetime)
    if tick.date() != day:
        raise RunDateError(
            f"as_of: the schedule {connector.schedule} has no run on {day}. Trigger the run again with an "
            f"instant, e.g. {iso(_instant(midnight, connector))}."
        )
    return _instant(tick, connector)


def _instant(wall_clock: datetime, connector: Connector) -> datetime:
    return max(wall_clock.replace(tzinfo=connector.zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def provenance_for(logical_date: datetime, now: datetime, archived: bool, live_window_hours: float) -> Provenance:
    """Return replayed for a date in the archive, live within the live window, else reconstructed.

    :raises RunDateError: the date is in the future.
    """
    if logical_date - now > CLOCKS_MAY_DIFFER_BY:
        raise RunDateError(
            f"The run's date {iso(logical_date)} is in the future (now is {iso(now)}). "
            "Trigger a run without as_of, or with one that has passed."
        )
    if archived:
        return Provenance.REPLAYED
    is_recent = now - logical_date <= timedelta(hours=live_window_hours)
    return Provenance.LIVE if is_recent else Provenance.RECONSTRUCTED
