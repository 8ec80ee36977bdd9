"""The bytes of the file, for the shapes that LMS imports ask for."""

import pytest

from tests.fakes.other_locale import printed_abroad
from tests.transform.test_rules import done, lessons, person
from tests.transform.transform_run import READ_AT, connector, context, run

PEOPLE = [
    lessons(1, 3, employee_id="0042", email="ann@example.com"),
    done("2026-02-27T23:30:00", employee_id="0043", email='Zoë "Z", O\'Neil@example.com'),
]


def raw(render, people=PEOPLE, course_map=None, **options):
    return render(people, lms={"options": options, "course_map": course_map or {}, "timezone": "Europe/Berlin"}).raw


def test_the_vendors_own_example(render):
    columns = ["email", {"label": "percentage complete", "source": "percent_complete"}]
    assert raw(render, columns=columns, line_ending="\n") == (
        'email,percentage complete\nann@example.com,33.33\n"Zoë ""Z"", O\'Neil@example.com",100\n'.encode()
    )


def test_the_default_file_is_keyed_by_employee_id(render):
    assert raw(render) == (
        b"employee_id,course_id,percent_complete,status,completed_at\r\n"
        b"0042,java,33.33,in_progress,\r\n"
        b"0043,java,100,completed,2026-02-27T23:30:00Z\r\n"
    )


def test_every_option_at_once(render):
    got = raw(
        render,
        course_map={"java": {"id": "J;1", "title": "Java\nbasics"}},
        columns=[
            {"label": "ID", "source": "employee_id"},
            {"label": "done %", "source": "percent_complete", "decimals": 2},
            {"label": "done on", "source": "completed_at", "date_format": "%d.%m.%Y %H:%M"},
            {"label": "by", "value": "Codebashing"},
            {"label": "as of", "source": "as_of", "date_format": "%b-%d-%Y"},
            "course_id",
            "course_title",
            "lessons_completed",
            "lessons_total",
        ],
        delimiter=";",
        decimal_mark=",",
        line_ending="\r",
        bom=True,
    )
    assert got == (
        b"\xef\xbb\xbfID;done %;done on;by;as of;course_id;course_title;lessons_completed;lessons_total\r"
        b'0042;33,33;;Codebashing;Nov-23-2026;"J;1";"Java\nbasics";1;3\r'
        b'0043;100,00;28.02.2026 00:30;Codebashing;Nov-23-2026;"J;1";"Java\nbasics";4;4\r'
    )


def test_quoting_all_and_no_header(render):
    got = raw(render, columns=["employee_id", "completed_at"], quoting="all", header=False)
    assert got == b'"0042",""\r\n"0043","2026-02-27T23:30:00Z"\r\n'


def test_a_single_blank_column_is_not_a_blank_line(render):
    assert raw(render, columns=["completed_at"]) == b'completed_at\r\n""\r\n2026-02-27T23:30:00Z\r\n'


@pytest.mark.parametrize(
    ("encoding", "mark"), [("cp1252", b""), ("utf-16", b"\xff\xfe"), ("utf-16-le", b""), ("utf-8-sig", b"\xef\xbb\xbf")]
)
def test_encodings(render, encoding, mark):
    got = raw(render, columns=["email"], header=False, encoding=encoding, line_ending="\n")
    assert got.startswith(mark)
    assert got.decode(encoding) == 'ann@example.com\n"Zoë ""Z"", O\'Neil@example.com"\n'


@pytest.mark.parametrize(
    ("decimals", "expected"),
    [(None, ["33.33", "99.99", "100"]), (0, ["33", "99", "100"]), (1, ["33.3", "99.9", "100.0"])],
)
def test_fewer_decimals_never_make_somebody_finished(render, decimals, expected):
    people = [
        lessons(1, 3),
        lessons(99_999, 100_000, email="b@x", employee_id="2"),
        lessons(3, 3, email="c@x", employee_id="3"),
    ]
    column = {"label": "p", "source": "percent_complete"} | ({} if decimals is None else {"decimals": decimals})
    assert raw(render, people, columns=[column], header=False).decode().split() == expected


def test_the_file_name_carries_the_as_of(tmp_path):
    options = {"file_name": "cb_{as_of:%Y-%m-%d_%H%M}.txt"}
    got = run([person()], tmp_path, lms={"options": options, "timezone": "Asia/Tokyo"})
    assert got.manifest["file"] == "cb_2026-11-23_1400.txt"
    assert context().as_of == READ_AT


@pytest.mark.parametrize(
    "options",
    [
        {"file_name": "../x.csv"},
        {"file_name": "{run}.csv"},
        {"file_name": "{as_of:%Q}.csv"},
        {"delimiter": '"'},
        {"delimiter": "\n"},
        {"columns": []},
        {"columns": ["salary"]},
        {"columns": [{"label": "x"}]},
        {"columns": [{"label": "x", "source": "email", "value": "y"}]},
        {"columns": [{"label": "x", "source": "email", "decimals": 2}]},
        {"columns": [{"label": "x", "source": "status", "date_format": "%Y"}]},
        {"encoding": "klingon"},
        {"encoding": "cp1252", "bom": True},
        {"line_ending": "\\n"},
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match="lms.options"):
        connector(lms={"options": options})


SCRIPT = """
import sys
from pathlib import Path
from tests.transform.transform_run import run
from tests.transform.test_generic_csv import PEOPLE
done_on = {"label": "on", "source": "completed_at", "date_format": "%A %d %B %Y"}
columns = [done_on, "percent_complete", "as_of"]
sys.stdout.buffer.write(run(PEOPLE, Path(sys.argv[1]), lms={"options": {"columns": columns}}).raw)
"""


def test_bytes_depend_on_no_locale_and_no_time_zone(tmp_path):
    only, there = printed_abroad(SCRIPT, tmp_path, "Asia/Kolkata", "de_DE.UTF-8")
    assert only == there
    assert b"Friday 27 February 2026,100,2026-11-23T05:00:00Z" in only
