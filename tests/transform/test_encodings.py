"""Letters that the encoding of the LMS file lacks: the record is set aside, never the whole file."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.codebashing_lms.config.schema.validation import InvalidContent
from include.codebashing_lms.errors import ConnectorError
from tests.transform.test_rules import done, person
from tests.transform.transform_run import connector, run

CODE_PAGES = ["cp1252", "latin-1", "ascii", "cp1250", "cp037", "shift_jis", "iso2022_jp", "hz", "koi8-r"]
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"]
LETTER = "ł"


def staff(*emails):
    return [done("2026-03-01T15:30:00Z", employee_id=f"00{at}", email=email) for at, email in enumerate(emails, 42)]


def lms(encoding, columns=("employee_id", "email", "course_id"), course_map=None, **more):
    options = {"columns": list(columns), "encoding": encoding, **more}
    return {"options": options, **({"course_map": course_map} if course_map else {})}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp037", "shift_jis", "iso2022_jp", "hz"])
@pytest.mark.parametrize("quoting", ["minimal", "all"])
def test_a_letter_outside_the_code_page_sets_its_record_aside(render, encoding, quoting):
    got = render(
        staff("ann@example.com", f"{LETTER}ucja@example.com", "bob@example.com"), lms=lms(encoding, quoting=quoting)
    )
    rows = list(csv.reader(io.StringIO(got.raw.decode(encoding), newline="")))
    assert [row[0] for row in rows[1:]] == ["0042", "0044"]
    assert got.records["set_aside"] == {"invalid_value": 1}
    [line] = got.set_aside
    assert line["employee_id"] == "0043"
    assert line["email"] == f"{LETTER}ucja@example.com"
    assert line["detail"].startswith("email: ")
    assert "encoding" in line["detail"]


@pytest.mark.parametrize("encoding", UNICODE)
def test_unicode_has_every_letter(render, encoding):
    people = staff("ann@example.com", f"{LETTER}ucja@example.com", "𠮷@example.com")
    got = render(people, lms=lms(encoding, ["email"], header=False, line_ending="\n"))
    assert got.raw.decode(encoding) == f"ann@example.com\n{LETTER}ucja@example.com\n𠮷@example.com\n"


def test_the_line_names_the_first_column_and_other_columns_do_not_matter(render):
    people = staff(f"{LETTER}@example.com")
    assert render(people, lms=lms("cp1252", ["employee_id"])).records["emitted"] == 1
    [line] = render(people, lms=lms("cp1252", [{"label": "Mail", "source": "email"}])).set_aside
    assert line["detail"].startswith("Mail: ")


def test_a_course_that_only_the_source_names_is_set_aside_by_record(render):
    people = [person(primary_course_name="Zażółć"), person(employee_id="2", email="b@example.com")]
    got = render(people, lms=lms("cp1252"))
    assert got.records["emitted"] == 1
    assert [line["detail"].partition(":")[0] for line in got.set_aside] == ["course_id"]


TEXTS = st.text(st.characters(exclude_categories=["Cc"]) | st.sampled_from("łé¥‾€日"), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cc"]), min_size=1, max_size=6), min_size=1, max_size=4),
    st.sampled_from(CODE_PAGES + UNICODE),
)
def test_no_text_stops_the_file(tmp_path_factory, texts, encoding):
    people = [person(employee_id=str(at), email=f"{text}@{at}.example.com") for at, text in enumerate(texts)]
    got = run(people, tmp_path_factory.mktemp("run"), lms=lms(encoding, ["employee_id", "email"], header=False))
    rows = {row[0]: row[1] for row in csv.reader(io.StringIO(got.raw.decode(encoding), newline=""))}
    known = {line["employee_id"] for line in got.set_aside}
    assert rows.keys() | known == {str(at) for at in range(len(texts))}
    for at, text in enumerate(texts):
        if str(at) in rows:
            assert rows[str(at)] == f"{text}@{at}.example.com".strip()


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16", "ascii"])
def test_lone_surrogates_stop_nobody(render, encoding):
    people = staff("ann@example.com", "a\ud800@example.com")
    people += [person(employee_id="0\udfff9", email="c@example.com")]
    people += [person(employee_id="77", email="d@example.com", primary_course_name="ja\ud800va")]
    got = render(people, lms=lms(encoding))
    assert got.records["emitted"] == 1
    assert sum(got.records["set_aside"].values()) + got.records["withheld"].get("unmapped_course", 0) == 3


WRONG = [
    ({"columns": [f"{LETTER}"]}, "columns"),
    ({"columns": [{"label": f"imi{LETTER}", "source": "email"}]}, f"imi{LETTER}"),
    ({"columns": ["email", {"label": "by", "value": f"Szko{LETTER}a"}]}, "by"),
    ({"delimiter": LETTER}, "file"),
]


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_a_constant_outside_the_code_page_is_a_mistake_in_the_connector_file(options, words):
    with pytest.raises(InvalidContent, match=words) as error:
        connector(lms={"options": options | {"encoding": "cp1252"}})
    if "label" in str(options) or "delimiter" in options:
        assert "cp1252 has no U+0142" in str(error.value)


def test_a_label_without_a_header_is_not_written(render):
    columns = [{"label": f"imi{LETTER}", "source": "email"}]
    assert render(staff("a@example.com"), lms=lms("cp1252", columns, header=False)).raw == b"a@example.com\r\n"


TITLE = {"java": {"id": "J1", "title": f"Szko{LETTER}a"}}


def test_a_course_title_outside_the_code_page_is_a_mistake_in_the_connector_file():
    with pytest.raises(InvalidContent, match=r"lms.course_map: java: title: cp1252 has no U\+0142"):
        connector(lms=lms("cp1252", ["employee_id", "course_title"], TITLE))
    connector(lms=lms("cp1250", ["employee_id", "course_title"], TITLE))
    connector(lms=lms("cp1252", ["employee_id", "course_id"], TITLE))


def test_a_course_title_in_a_list_is_found_when_the_run_starts(tmp_path):
    (tmp_path / "map.csv").write_text(f"course,id,title\njava,J1,Szko{LETTER}a\n", encoding="utf-8")
    with pytest.raises(ConnectorError, match=r"lms.course_map, java: title: cp1252 has no U\+0142"):
        run([person()], tmp_path, lms=lms("cp1252", ["employee_id", "course_title"], "map.csv"))


@pytest.mark.parametrize("encoding", ["idna", "punycode", "unicode_escape", "rot13", "hex", "undefined", "klingon"])
def test_what_is_no_encoding_of_a_file_is_refused(encoding):
    with pytest.raises(InvalidContent, match="is no encoding"):
        connector(lms={"options": {"encoding": encoding}})
