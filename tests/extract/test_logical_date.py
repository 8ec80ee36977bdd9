from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.codebashing_lms.config.connector import parse_connector
from include.codebashing_lms.errors import RunDateError
from include.codebashing_lms.extract.logical_date import first_tick, logical_date, provenance_for

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def connector(**changes):
    content = {"name": "acme", "source": {"conn_id": "x"}, "delivery": {"method": "folder", "directory": "/x"}}
    return parse_connector({**content, **changes})


DAILY = connector()
AMSTERDAM = {"timezone": "Europe/Amsterdam"}


def test_without_as_of_the_run_has_the_date_of_airflow():
    given_by_airflow = datetime.fromisoformat("2026-11-23T03:00:00+02:00")
    for empty in (None, "", "  "):
        assert logical_date(given_by_airflow, empty, True, DAILY) == datetime(2026, 11, 23, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("as_of", "instant"),
    [
        ("2026-11-23T05:15:00Z", "2026-11-23T05:15:00+00:00"),
        ("2026-11-23T05:15:00+01:00", "2026-11-23T04:15:00+00:00"),
        ("2026-11-23 05:15", "2026-11-23T05:15:00+00:00"),
        (" 2026-11-23 ", "2026-11-23T00:00:00+00:00"),
    ],
)
def test_as_of_goes_before_the_date_of_airflow(as_of, instant):
    assert logical_date(NOW, as_of, False, DAILY) == datetime.fromisoformat(instant)


@pytest.mark.parametrize("as_of", ["yesterday", "23.11.2026", "2026-02-30", "0001-01-01", "9999-12-31", "x" * 999])
def test_what_is_no_date_is_refused(as_of):
    with pytest.raises(RunDateError, match="is neither a date such as") as error:
        logical_date(NOW, as_of, False, DAILY)
    assert len(str(error.value)) < 300


def test_a_backfill_has_dates_of_its_own():
    with pytest.raises(RunDateError, match="backfill"):
        logical_date(NOW, "2026-11-23", True, DAILY)


@pytest.mark.parametrize(
    ("schedule", "zone", "day", "tick"),
    [
        ("@daily", "UTC", "2026-11-23", "2026-11-23T00:00:00+00:00"),
        (None, "Europe/Amsterdam", "2026-11-23", "2026-11-23T00:00:00+01:00"),
        ("15 5 * * *", "Europe/Amsterdam", "2026-11-23", "2026-11-23T05:15:00+01:00"),
        ("0 6,18 * * *", "Asia/Kolkata", "2026-11-23", "2026-11-23T06:00:00+05:30"),
        ("30 2 * * *", "Europe/Amsterdam", "2026-03-29", "2026-03-29T03:30:00+02:00"),  # skipped by the clock
        ("30 2 * * *", "Europe/Amsterdam", "2026-10-25", "2026-10-25T02:30:00+01:00"),  # twice on the clock
        ("@quarterly", "UTC", "2026-10-01", "2026-10-01T00:00:00+00:00"),
        ("0 7 * * 1", "UTC", "2026-11-23", "2026-11-23T07:00:00+00:00"),
    ],
)
def test_a_date_means_that_days_first_run(schedule, zone, day, tick):
    first = first_tick(connector(schedule=schedule, timezone=zone), date.fromisoformat(day))
    assert first == datetime.fromisoformat(tick)


def test_a_day_without_a_run_is_refused():
    with pytest.raises(RunDateError, match="@weekly has no run on 2026-11-24.*2026-11-23T23:00:00Z"):
        logical_date(NOW, "2026-11-24", False, connector(schedule="@weekly", **AMSTERDAM))


@pytest.mark.parametrize(
    ("age", "archived", "provenance"),
    [
        (-timedelta(minutes=5), False, "live"),
        (timedelta(0), False, "live"),
        (24 * HOUR, False, "live"),
        (24 * HOUR, True, "replayed"),
        (timedelta(0), True, "replayed"),
        (10_000 * HOUR, True, "replayed"),
        (24 * HOUR + timedelta(seconds=1), False, "reconstructed"),
        (10_000 * HOUR, False, "reconstructed"),
    ],
)
def test_a_date_is_replayed_read_live_or_reconstructed(age, archived, provenance):
    assert provenance_for(NOW - age, NOW, archived, 24) == provenance


@pytest.mark.parametrize("archived", [True, False])
def test_the_future_is_refused(archived):
    with pytest.raises(RunDateError, match="is in the future"):
        provenance_for(NOW + timedelta(minutes=5, seconds=1), NOW, archived, 24)


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)), st.booleans(), st.floats(0.1, 1000))
def test_every_date_but_the_future_has_a_provenance(age, archived, window):
    try:
        provenance = provenance_for(NOW - age, NOW, archived, window)
    except RunDateError:
        assert age < -timedelta(minutes=5)
    else:
        assert (provenance == "replayed") == archived
        assert (provenance == "reconstructed") == (not archived and age > timedelta(hours=window))
