"""A day of the source is that day in every profile and every time zone; an instant is shown in the zone."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.codebashing_lms.dates import format_day, parse_date
from include.codebashing_lms.transform.records.dates import midnight
from tests.config.profiles.rendering import course, delivery, learner, render, required_options

DAY, INSTANT, AS_OF = "2026-03-01", "2026-03-01T20:30:00Z", "2026-11-23T17:00:00Z"
ACTIVE = "2026-11-22T10:00:00Z"
SEEN = {  # the instant on the clock of each zone
    "UTC": "2026-03-01T20:30:00",
    "America/New_York": "2026-03-01T15:30:00",
    "Asia/Tokyo": "2026-03-02T05:30:00",
    "Pacific/Kiritimati": "2026-03-02T10:30:00",
    "America/Sao_Paulo": "2026-03-01T17:30:00",
}
BEGINS = {  # the day's first instant in each zone, where only an instant can be written
    "UTC": "2026-03-01T00:00:00Z",
    "America/New_York": "2026-03-01T05:00:00Z",
    "Asia/Tokyo": "2026-02-28T15:00:00Z",
    "Pacific/Kiritimati": "2026-02-28T10:00:00Z",
    "America/Sao_Paulo": "2026-03-01T03:00:00Z",
}
SAP = {"revision_dates": False}
DONE_ON = {"label": "on", "source": "completed_at"}
FORMATS = [  # profile, options, the format of a date in the file; None: an instant
    ("sap_sf_learning_history", SAP, "%b-%d-%Y %H:%M:%S"),
    ("sap_sf_learning_history", {**SAP, "date_format": "%d.%m.%Y %z"}, "%d.%m.%Y %z"),
    ("cornerstone_external_training", {"date_format": "%m-%d-%Y %H:%M"}, "%m-%d-%Y %H:%M"),
    ("totara_course_completion", {}, "%Y-%m-%d"),
    ("totara_course_completion", {"date_format": "%d/%m/%y"}, "%d/%m/%y"),
    ("iomad_completion", {"date_format": "%Y-%m-%d", "start_dates": True}, "%Y-%m-%d"),
    ("iomad_completion", {"date_format": "%Y-%m-%d %H:%M:%S"}, "%Y-%m-%d %H:%M:%S"),
    ("iomad_completion", {}, None),
    ("oracle_hdl", {"effective_start_date": "2015-01-01", "start_date": "2015-01-02"}, "%Y/%m/%d"),
    ("xapi", {}, None),
    ("generic_csv", {"columns": [{**DONE_ON, "date_format": "%d %B %Y"}]}, "%d %B %Y"),
    ("generic_csv", {"columns": ["employee_id", "completed_at"]}, None),
]  # fmt: skip


def rendered(folder, profile, options, zone, *dates, **more):
    """Return the file that one learner for each date makes, and the manifest."""
    people = [learner(f"E{number}", 4, 4, on, last_active_at=ACTIVE) for number, on in enumerate(dates)]
    lms = {"profile": profile, "options": options, "timezone": zone}
    if profile != "generic_csv":
        lms["options"] = required_options(profile) | options
        lms["course_map"] = {"seccode": course(profile, "CB-SECCODE", "Secure Coding")}
    got = render(folder, people, lms=lms, delivery=delivery(profile), **{"as_of": AS_OF, "courses": "primary"} | more)
    return got.content.decode(), got.manifest


def on_clock(text, zone, pattern):
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return at.strftime(pattern).replace("Mar-", "MAR-")


@pytest.mark.parametrize("zone", SEEN)
@pytest.mark.parametrize(("profile", "options", "pattern"), FORMATS)
def test_a_day_is_that_day_and_an_instant_is_shown_in_the_zone(profile, options, pattern, zone, tmp_path):
    [day, instant] = (rendered(tmp_path, profile, options, zone, on)[0] for on in (DAY, INSTANT))
    if pattern is None:
        days, instants = BEGINS[zone], INSTANT
    else:
        days, instants = (on_clock(text, zone, pattern) for text in (f"{DAY}T00:00:00", SEEN[zone]))
    if profile == "xapi":
        days, instants = days.replace("Z", ".000Z"), instants.replace("Z", ".000Z")
        assert json.loads(day)[0]["timestamp"] == days
    again = 1 + 2 * bool(options.get("start_dates")) + (profile == "cornerstone_external_training")
    assert (day.count(days), instant.count(instants)) == (again, again)


ORACLE = {"effective_start_date": "2020-01-01", "start_date": "2020-01-02"}


@pytest.mark.parametrize(
    ("zone", "today"), [("America/New_York", "2026-11-23"), ("Pacific/Kiritimati", "2026-11-24"), ("UTC", "2026-11-23")]
)
def test_a_day_of_today_goes_tomorrow_and_a_day_of_the_start_is_not_too_early(zone, today, tmp_path):
    yesterday = f"{date.fromisoformat(today) - timedelta(days=1)}"
    dates = [today, yesterday, "2020-01-02", "2020-01-01"]
    text, manifest = rendered(tmp_path, "oracle_hdl", ORACLE, zone, *dates)
    assert manifest["records"]["withheld"] == {"too_recent": 1}
    assert manifest["records"]["set_aside"] == {"invalid_value": 1}
    assert re.findall(r"\|(\d{4}/\d\d/\d\d)\|Codebashing 100", text) == [
        yesterday.replace("-", "/"), "2020/01/02"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "last"), [("America/New_York", "2026-11-23"), ("Pacific/Kiritimati", "2026-11-24"), ("UTC", "2026-11-23")]
)
def test_a_day_is_after_the_reading_when_it_begins_after_the_day_of_the_reading(zone, last, tmp_path):
    after = f"{date.fromisoformat(last) + timedelta(days=1)}"
    options = {"columns": [{**DONE_ON, "date_format": "%Y-%m-%d"}]}
    text, manifest = rendered(tmp_path, "generic_csv", options, zone, last, after)
    assert text.split() == ["on", last, '""']
    assert manifest["warnings"] == {"completed_date_after_reading": 1}


IMPOSSIBLE = [
    "1970-01-01T00:00:00Z", "1900-01-01", "0001-01-01T00:00:00", "1899-12-30T00:00:00Z", "1772359200000",
    1772359200000, 1772359200, "1772359200", "1710120112345", "2011010112345", "0001-01-01", "0000-00-00",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31", "9999-12-31T23:59:59-12:00", 0,
    "2262-04-12", "1999-12-31", "1999-12-31T23:59:59.999Z", "2026-13-01", "2026-W10", "never",
]  # fmt: skip


@pytest.mark.parametrize("zone", [*SEEN, "Etc/GMT+12", "Pacific/Apia"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_date_that_cannot_be_is_no_date_and_no_crash(zone, at_once, tmp_path):
    columns = [
        "employee_id",
        {**DONE_ON, "date_format": "%Y"},
        {"label": "active", "source": "last_active_at", "date_format": "%Y"},
    ]
    texts = [on for on in IMPOSSIBLE if isinstance(on, str) and re.fullmatch(r"[\d:.TZ-]{10,}", on)]
    odd = IMPOSSIBLE if at_once else [on for on in texts if len(on) != 13 and "-W" not in on]
    people = [
        learner(f"E{number}", 4, 4, on or None, last_active_at=on)
        | {"seccode.completed_date": on}
        for number, on in enumerate(odd)
    ]  # fmt: skip
    fine = learner("fine", 4, 4, "2000-01-02", last_active_at=ACTIVE)
    lms = {"options": {"columns": columns}, "timezone": zone}
    got = render(tmp_path, [*people, fine], lms=lms, courses="primary", as_of=AS_OF)
    assert got.manifest["warnings"] == {"invalid_completed_date": len(odd), "invalid_last_active_at": len(odd)}
    lines = got.content.decode().split()[1:]
    assert lines == [*(f"E{number},," for number in range(len(odd))), "fine,2000,2026"]


@pytest.mark.parametrize("zone", ["America/New_York", "Etc/GMT+12", "Pacific/Kiritimati", "UTC"])
def test_no_file_holds_a_year_before_2000(zone, tmp_path):
    options = {"columns": [{**DONE_ON, "date_format": "%Y"}], "header": False}
    dates = [f"{day}T{hour:02d}:30:00Z" for day in ("1999-12-31", "2000-01-01") for hour in range(24)]
    text, manifest = rendered(tmp_path, "generic_csv", options, zone, *dates, "2000-01-01", "1999-12-31")
    years = text.replace('""', "").splitlines()
    assert set(years) == {"", "2000"}
    assert years[-2:] == ["2000", ""]
    assert years.count("") == manifest["warnings"]["invalid_completed_date"]


DAYS = st.dates(date(2000, 1, 1), date(2261, 12, 31))
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))


@settings(max_examples=500, deadline=None)
@given(DAYS, ZONES)
@example(date(2017, 10, 15), "America/Sao_Paulo")  # begins at 01:00
@example(date(2022, 3, 27), "Asia/Beirut")
@example(date(2011, 12, 30), "Pacific/Apia")  # never was
def test_any_day_is_that_day_in_any_zone(day, name):
    zone = ZoneInfo(name)
    assert parse_date(day.isoformat(), zone) == day
    assert format_day(day, "%Y-%m-%d %H:%M:%S", zone) == f"{day} 00:00:00"
    begins = midnight(day, zone).item().replace(tzinfo=UTC)
    if (name, day) not in {("Pacific/Apia", date(2011, 12, 30)), ("Pacific/Fakaofo", date(2011, 12, 30))}:
        assert begins.astimezone(zone).date() == day
    assert (begins - timedelta(hours=1)).astimezone(zone).date() < day
