"""Date formats: what each directive writes, and which formats are refused with the right one beside them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.codebashing_lms.config.schema.validation import InvalidContent
from include.codebashing_lms.dates import DIRECTIVES, format_instant
from tests.transform.test_rules import done
from tests.transform.transform_run import connector

AT = datetime(2026, 3, 5, 4, 7, 9, 56_789, tzinfo=UTC)


def column(date_format, timezone="UTC", source="completed_at"):
    columns = ["employee_id", {"label": "done", "source": source, "date_format": date_format}]
    return connector(lms={"options": {"columns": columns}, "timezone": timezone})


def refused(make, *words):
    with pytest.raises(InvalidContent) as error:
        make()
    for word in words:
        assert word in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%-d.%-m.%Y", "5.3.2026"),
        ("%-H:%M", "9:37"),
        ("%-I %p", "9 AM"),
        ("%S.%3f", "09.056"),
        ("%f", "056789"),
        ("%H:%M%:z", "09:37+05:30"),
        ("%z", "+0530"),
    ],
)
def test_what_directives_write(pattern, text):
    assert format_instant(AT, pattern, ZoneInfo("Asia/Kolkata")) == text


@pytest.mark.parametrize(
    ("zone", "text"), [("UTC", "+00:00"), ("America/New_York", "-05:00"), ("Asia/Kathmandu", "+05:45")]
)
def test_an_offset_with_a_colon(zone, text):
    assert format_instant(AT, "%:z", ZoneInfo(zone)) == text


@pytest.mark.parametrize(("hour", "text"), [(0, "12 AM"), (1, "1 AM"), (12, "12 PM"), (23, "11 PM")])
def test_hours_of_half_a_day_without_a_zero(hour, text):
    assert format_instant(AT.replace(hour=hour), "%-I %p") == text


FOREIGN = [
    ("MM/DD/YYYY", "%m/%d/%Y"),
    ("yyyy-MM-dd", "%Y-%m-%d"),
    ("dd.mm.yyyy", "%d.%m.%Y"),
    ("DD-MON-YY", "%d-%b-%y"),
    ("MON-DD-YYYY HH24:MI:SS", "%b-%d-%Y %H:%M:%S"),
    ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "%Y-%m-%dT%H:%M:%S.%3f%:z"),
    ("YYYY-MM-DDTHH:mm:ss", "%Y-%m-%dT%H:%M:%S"),
    ("mm/dd/yyyy hh:mm AM/PM", "%m/%d/%Y %I:%M %p"),
    ("M/d/yyyy h:mm tt", "%-m/%-d/%Y %-I:%M %p"),
    ("d MMMM yyyy", "%-d %B %Y"),
    ("HH:MM:SS", "%H:%M:%S"),
    ("Y-m-d", "%Y-%m-%d"),
    ("d/m/Y H:i:s", "%d/%m/%Y %H:%M:%S"),
    ("yyyyMMdd", "%Y%m%d"),
    ("TT.MM.JJJJ", "%d.%m.%Y"),
    ("jj/mm/aaaa", "%d/%m/%Y"),
    ("dd-mm-jjjj", "%d-%m-%Y"),
    ("yyyy年MM月dd日", "%Y年%m月%d日"),
    ("%Y-MM-DD", "%Y-%m-%d"),
    ("yyyy-%m-%d", "%Y-%m-%d"),
    ("%d/%m/%Y hh:mm", "%d/%m/%Y %H:%M"),
    ("%Y-%m-%dTHH:mm:ss", "%Y-%m-%dT%H:%M:%S"),
    ("d/M/%Y", "%-d/%-m/%Y"),
    ("%Y-%m-%d'T'%H:%M", "%Y-%m-%dT%H:%M"),
]


@pytest.mark.parametrize(("pattern", "right"), FOREIGN)
def test_a_format_of_another_program_is_refused_with_the_right_one(pattern, right):
    message = refused(lambda: column(pattern), f"write {right}")
    assert message.endswith((f"write {right}", f"got {pattern!r}"))
    column(right)


@given(st.permutations(["yyyy", "MM", "dd"]), st.sampled_from("-/. "), st.sampled_from(["", " HH:mm", " hh:mm:ss"]))
def test_every_order_of_a_foreign_date_is_refused(parts, separator, time):
    meaning = {"yyyy": "%Y", "MM": "%m", "dd": "%d"}
    right = separator.join(meaning[part] for part in parts)
    right += {"": "", " HH:mm": " %H:%M", " hh:mm:ss": " %H:%M:%S"}[time]
    refused(lambda: column(separator.join(parts) + time), f"write {right}")


@pytest.mark.parametrize("pattern", ["", "today", "2026-01-01", "%%", "100 %%"])
def test_a_format_without_any_date_is_refused_with_an_example(pattern):
    refused(lambda: column(pattern), "has no directive", "such as %Y-%m-%d")


@pytest.mark.parametrize("pattern", ["%-y", "%#d", "%Q", "%", "%5f", "%Y %"])
def test_an_unknown_directive_is_refused(pattern):
    refused(lambda: column(pattern), "has unknown %", "%-d", "%:z", "%3f")


@pytest.mark.parametrize(
    "pattern",
    [
        "%Hh%M", "%Hh %Mm", "%d de %B de %Y", "%-d.%-m.%Y %-H Uhr", "%Y-W%j", "%d %b '%y", "%H o'clock",
        "%A, %-d %B", "%Y%m%dT%H%M%SZ", "%d/%m/%Y at %H:%M", "%Y-%m-%d 00:00:00", "%H:%M TZ",
    ],
)  # fmt: skip
def test_words_beside_directives_are_words(pattern):
    column(pattern)


@given(st.lists(st.sampled_from(sorted(DIRECTIVES.keys() - {"%%"})), min_size=1), st.sampled_from("-/. :T"))
def test_directives_alone_are_always_right(directives, separator):
    column(separator.join(directives))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cb_{as_of:yyyyMMdd}.csv", "write %Y%m%d"),
        ("cb_{as_of:}.csv", "such as %Y-%m-%d"),
        ("cb_{as_of:%Y-MM-DD}.csv", "write %Y-%m-%d"),
        ("{as_of:%Y}_{as_of:mmdd}.csv", "write %m%d"),
        ("cb_%Y%m%d.csv", "{as_of:%Y%m%d}"),
        ("cb_yyyyMMdd.csv", "{as_of:%Y%m%d}"),
    ],
)
def test_a_file_name_with_a_date_that_is_none_is_refused(name, words):
    refused(lambda: connector(lms={"options": {"file_name": name}}), "file_name", words)
    course_file = {"file_name": "{course}_" + name}
    options = {"profile": "moodle_grades_csv", "options": course_file, "course_map": {"java": {"id": "J"}}}
    refused(lambda: connector(lms=options), "file_name", words)


@pytest.mark.parametrize(
    "name", ["codebashing.csv", "cb_{as_of:%Y%m%d}.csv", "100%done.csv", "{as_of:%Y}-{as_of:%j}.csv"]
)
def test_a_file_name_needs_no_date(name):
    connector(lms={"options": {"file_name": name}})


def test_the_option_of_a_profile_is_refused_too():
    options = {"file_name": "x.csv", "date_format": "MM/DD/YYYY"}
    lms = {
        "profile": "cornerstone_external_training",
        "options": options,
        "course_map": {"java": {"id": "J", "title": "x"}},
    }
    refused(lambda: connector(lms=lms), "lms.options.date_format", "write %m/%d/%Y")


def test_a_date_format_in_an_own_profile_is_refused(tmp_path, monkeypatch):
    (tmp_path / "profiles").mkdir()
    own = (
        "id: own\ntitle: own\nevidence: own\nemits: completion\nuser_key: employee_id\nunattended: true\n"
        "methods: [folder]\nfile_name: x.csv\ncolumns:\n- {label: ID, source: user_key}\n"
        "- {label: DONE, source: completed_at, date_format: FORMAT}\n"
    )
    monkeypatch.setenv("CODEBASHING_LMS_CONNECTORS", str(tmp_path))
    (tmp_path / "profiles" / "own.yaml").write_text(own.replace("FORMAT", "dd/MM/yyyy"))
    with pytest.raises(Exception, match=r"own.yaml: columns.1.date_format: .*write %d/%m/%Y"):
        connector(lms={"profile": "own"})
    (tmp_path / "profiles" / "own.yaml").write_text(own.replace("FORMAT", "'%Y-%m-%dT%H:%MZ'") + "# 2\n")
    assert connector(lms={"profile": "own"}).lms.contract.columns[1].label == "DONE"
    refused(lambda: connector(lms={"profile": "own", "timezone": "Europe/Berlin"}), "lms.timezone", "DONE")


ZONED = ["%Y-%m-%dT%H:%M:%SZ", "%H:%M:%S.%3fZ", "%H:%M +00:00", "%H:%M:%S+0000", "%d %b %Y %H:%M UTC",
         "%H:%M (GMT)", "%Y-%m-%dT00:00:00Z", "%H:%M:%S.000Z", "%H:%M UTC+00:00", "%H:%Mz"]  # fmt: skip


@pytest.mark.parametrize("pattern", ZONED)
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Asia/Kolkata", "Etc/GMT+5"])
def test_a_literal_zone_that_is_not_the_zone_of_the_dates_is_refused(pattern, zone):
    for source in ("completed_at", "as_of", "last_active_at"):
        refused(
            lambda source=source: column(pattern, zone, source), "lms.timezone", "done", "%z", "%:z", "timezone: UTC"
        )


@pytest.mark.parametrize("pattern", ZONED)
@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "GMT", "Atlantic/Reykjavik"])
def test_a_literal_zone_that_is_always_true_stays(pattern, zone):
    column(pattern, zone)


@pytest.mark.parametrize(
    ("pattern", "zone"),
    [("%H:%M +05:30", "Asia/Kolkata"), ("%H:%M:%S-0300", "America/Sao_Paulo"), ("%H:%M%z", "Europe/Berlin"),
     ("%d.%m.%Y", "Europe/Berlin"), ("%Y-%m%d-%H%M", "Europe/Berlin"), ("%H:%M %Z", "America/New_York")],
)  # fmt: skip
def test_an_offset_is_measured_with_the_zone(pattern, zone):
    if zone == "America/Sao_Paulo":  # it had summer time until 2019
        refused(lambda: column(pattern, zone), "-0300")
    else:
        column(pattern, zone)


def test_a_file_name_with_a_literal_zone_is_refused_too():
    lms = {"options": {"file_name": "cb_{as_of:%Y%m%dT%H%M%SZ}.csv"}, "timezone": "Asia/Tokyo"}
    refused(lambda: connector(lms=lms), "file_name", "Z")


def test_the_default_form_of_a_date_is_utc_in_every_zone(render):
    columns = ["completed_at", {"label": "local", "source": "completed_at", "date_format": "%-d.%-m.%Y %-H:%M %:z"}]
    got = render([done("2026-03-01T15:30:00Z")], lms={"options": {"columns": columns}, "timezone": "America/New_York"})
    assert got.rows == [{"completed_at": "2026-03-01T15:30:00Z", "local": "1.3.2026 10:30 -05:00"}]
