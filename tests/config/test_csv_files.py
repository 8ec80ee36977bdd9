"""Lists as people save them: read for what they are, or refused by file, line and remedy; no wrong ID."""

import csv
import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from include.codebashing_lms.__main__ import main
from include.codebashing_lms.config.csv_files import csv_rows, open_csv
from include.codebashing_lms.config.identifiers import clean_id, is_clean_id
from include.codebashing_lms.config.lists import read_crosswalk, read_people
from include.codebashing_lms.errors import ConnectorError
from tests.config.profiles.rendering import learner, render
from tests.transform.test_rules import person
from tests.transform.transform_run import run

COLUMNS = ("employee_id", "user_key")
PLAIN = "employee_id,user_key\n0042,ann\n0043,bob\n"
PEOPLE = [(2, {"employee_id": "0042", "user_key": "ann"}), (3, {"employee_id": "0043", "user_key": "bob"})]


@pytest.fixture
def rows(tmp_path):
    """Write a list as bytes or text, and read it."""

    def read(content, columns=COLUMNS):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "list.csv").write_bytes(data)
        return list(csv_rows("list.csv", tmp_path.joinpath, columns, "identity.crosswalk"))

    return read


def refused(read, *words):
    with pytest.raises(ConnectorError) as error:
        read()
    message = str(error.value)
    for word in ("identity.crosswalk", "list.csv", *words):
        assert word in message
    for name in ("ann", "bob", "0042", "0043"):
        assert name not in message
    return message


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        "\ufeff" + PLAIN,
        PLAIN.rstrip("\n"),
        " Employee_ID , USER_KEY\n0042, ann \n 0043 ,bob\n",
        '"employee_id","user_key"\n"0042","ann"\n"0043","bob"\n',
        '"employee_id";"user_key"\n"0042";"ann"\n"0043";"bob"\n',
        "employee_id,user_key,,\n0042,ann,,\n0043,bob,,,,\n",
        "employee_id,,user_key\n0042,,ann\n0043,,bob\n",
        PLAIN + ",\n,,\n\n   \n",
        "employee_id,user_key\n0042\u200b,ann\u00a0\n\ufeff0043,\u2060bob\u200e\n",
    ],
)
def test_what_spreadsheets_save_is_read(rows, text):
    assert rows(text) == PEOPLE


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_byte_order_mark_names_the_encoding(rows, encoding, delimiter):
    assert rows(PLAIN.replace(",", delimiter).encode(encoding)) == PEOPLE
    big = "\ufeff" + PLAIN.replace(",", delimiter)
    assert rows(big.encode("utf-16-be")) == PEOPLE


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;", "sep=;\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_sep_line_names_the_delimiter(rows, line, mark):
    found = rows(mark + line + "\n" + PLAIN.replace(",", ";"))
    assert [row for _, row in found] == [row for _, row in PEOPLE]
    assert [number for number, _ in found] == [3, 4]
    refused(lambda: rows(f"sep=;\n{PLAIN}"), "must have the columns employee_id,user_key")
    refused(lambda: rows("sep=;\nemployee_id;user_key\n0042;ann\n0043\n"), "line 4", "another number of cells")


def test_columns_may_stand_in_any_order_and_rows_are_numbered_by_their_first_line(rows):
    text = 'user_key,employee_id\n\n"a\nnn",1\r\nbob,2\n'
    assert rows(text) == [(3, {"user_key": "a\nnn", "employee_id": "1"}), (5, {"user_key": "bob", "employee_id": "2"})]


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_only_cr_and_lf_end_a_line(rows, sign):
    columns = ("employee_id", "reason")
    found = rows(f'employee_id,reason\n1,"left{sign}2,again"\n2,left{sign}twice\n', columns)
    assert found == [
        (2, {"employee_id": "1", "reason": f"left{sign}2,again"}),
        (3, {"employee_id": "2", "reason": f"left{sign}twice"}),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quoted_line_break_stays_in_its_cell(rows, end):
    found = rows(f'employee_id,reason{end}1,"left{end}the company"{end}2,x{end}', ("employee_id", "reason"))
    assert [row["reason"] for _, row in found] == [f"left{end}the company", "x"]
    assert [line for line, _ in found] == [2, 4]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=6), st.sampled_from(",;\t|"), st.sampled_from(["utf-8-sig", "utf-16"])
)
def test_every_cell_that_a_csv_writer_writes_is_read(tmp_path_factory, cells, delimiter, encoding):
    folder, text = tmp_path_factory.mktemp("lists"), io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *cells])
    (folder / "list.csv").write_bytes(text.getvalue().encode(encoding))
    found = [tuple(row.values()) for _, row in csv_rows("list.csv", folder.joinpath, COLUMNS, "x")]
    assert found == [pair for one in cells if any(pair := tuple(map(clean_id, one)))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("\ufeff", "it is empty"),
        ("0042,ann\n0043,bob\n", "its first line lacks employee_id, user_key"),
        ("employee_id\n0042\n", "lacks user_key"),
        (f"sep=\r\n{PLAIN}", "must have the columns"),
        (f'sep="\r\n{PLAIN}', "must have the columns"),
        ("employee_id,user_key,mail\n0042,ann,x\n", "1 others are there"),
        ("employee_id,user_key,User_Key\n0042,ann,bob\n", "same heading twice"),
        ("employee_id,employee_id,user_key\n0042,0043,ann\n", "line 1 of list.csv has the same heading twice"),
        ("employee_id,user_key\n0042,ann,bob\n", "line 2 of list.csv has another number of cells"),
        ("employee_id,user_key\n0042,ann\n0043\n", "line 3 of list.csv has another number of cells"),
        ("employee_id,,user_key\n0042,bob,ann\n", "another number of cells"),
        ('employee_id,user_key\n0042,"ann\n0043,bob\n', "line 2 of list.csv has a quote"),
        ('employee_id,user_key\n0042,"ann"bob\n', "line 2 of list.csv has a quote"),
        ("employee_id,user_key\n0042,ann\n1.04E+05,bob\n", "line 3 of list.csv has a number such as 1.04E+05"),
        ("employee_id;user_key\n1,04E+05;ann\n", "line 2 of list.csv has a number such as 1.04E+05"),
        ("employee_id,user_key\n0042,5E+11\n", "1.04E+05"),
        ("employee_id,user_key\n0042,a\0b\n", "zero bytes"),
        (PLAIN.encode("utf-16-le"), "zero bytes"),
        (PLAIN.encode("utf-16-be"), "zero bytes"),
        (PLAIN.encode("utf-16")[:-1], "utf-16"),
        ("employee_id,user_key\n0042,ann\n0043,żółw\n".encode("cp1250"), "list.csv, line 3: a letter is not UTF-8"),
        ("employee_id,user_key\r0042,zoë\r".encode("cp1252"), "line 2: a letter is not UTF-8"),
        (b"PK\x03\x04....", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0....", "Excel workbook"),
    ],
)
def test_what_cannot_be_read_is_named_for_what_it_is(rows, text, words):
    message = refused(lambda: rows(text), words)
    if "UTF-8" in words or "zero" in words or "workbook" in words:
        assert "save it as CSV UTF-8" in message


@pytest.mark.parametrize("value", ["1E5", "12E5", "1e-5", "1.04", "E+05", "0E05", "1.04E+05x"])
def test_an_id_with_an_e_is_an_id(rows, value):
    assert rows(f"employee_id,user_key\n{value},ann\n")[0][1]["employee_id"] == value


@pytest.mark.parametrize(
    "sign", ["\u200b", "\ufeff", "\xa0", "\u2060", "\u00ad", "\u200e", "\u3164", "\u2028", "\ufe0f"]
)
def test_signs_that_nobody_sees_are_no_part_of_an_id(sign):
    assert clean_id(f"{sign} a-1{sign}{sign} ") == "a-1"
    assert clean_id(sign) == ""
    assert not is_clean_id(f"a{sign}1")
    assert is_clean_id("Zoë Müller")


@pytest.mark.parametrize("value", ["#N/A", "#REF!", "#VALUE!", "#NAME?"])
def test_a_formula_that_failed_is_no_key(tmp_path, value):
    (tmp_path / "keys.csv").write_text(f"employee_id,user_key\n1,{value}\n2,bob\n")
    found = read_crosswalk("keys.csv", False, tmp_path.joinpath)
    assert (found.user_keys, found.blank) == ({"2": "bob"}, (2,))


TOTARA = {"profile": "totara_course_completion", "course_map": {"seccode": {"id": "CB", "title": "Secure"}}}


def crosswalk(folder, text, *ids):
    (folder / "keys.csv").write_text(text, encoding="utf-8")
    staff = [learner(one, 4, 4, "2025-03-14") for one in ids]
    return render(folder, staff, lms=TOTARA, identity={"crosswalk": "keys.csv"})


def sent(rendered):
    return [row["username"] for row in csv.DictReader(io.StringIO(rendered.content.decode()))]


@pytest.mark.parametrize("sign", ["\u200b", "\ufeff", "\xa0", "\u2060", "\u00ad"])
def test_no_user_key_is_sent_with_a_sign_that_nobody_sees(tmp_path, sign):
    text = f"employee_id,user_key\n1,ann{sign}\n2,{sign}bob\n3,c{sign}yd\n{sign}4{sign},dora\n5,eve\n"
    got = crosswalk(tmp_path, text, "1", "2", "3", "4", "5")
    assert sent(got) == ["ann", "bob", "dora", "eve"]
    assert [line["employee_id"] for line in got.set_aside] == ["3"]
    assert got.manifest["warnings"]["crosswalk_unclear"] == 1


OWN = """id: own
title: own
evidence: own
emits: completion
user_key: email
unattended: true
methods: [folder]
file_name: own.csv
columns:
- {label: username, source: user_key}
"""


@pytest.mark.parametrize("sign", ["\u200b", "\ufeff", "\xa0", "\u2060", "\u00ad"])
def test_an_address_that_is_the_user_key_has_no_sign_that_nobody_sees(tmp_path, sign):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "own.yaml").write_text(OWN)
    emails = [f"Ann@example.com{sign}", f"bob{sign}@example.com", "cy@example.com"]
    staff = [learner(str(at), 4, 4, "2025-03-14", email=email) for at, email in enumerate(emails)]
    got = render(tmp_path, staff, lms={"profile": "own"})
    assert sent(got) == ["ann@example.com", "cy@example.com"]
    assert got.manifest["records"]["set_aside"] == {"unmapped_user": 1}


def test_zeros_that_the_crosswalk_lost_are_said_and_not_guessed(tmp_path):
    text = "employee_id,user_key\n42,ann\n43,bob\nA1,cy\n0044,dora\n"
    got = crosswalk(tmp_path, text, "0042", "00043", "0A1", "44", "45", "0044")
    assert sent(got) == ["dora"]
    assert got.manifest["warnings"]["crosswalk_lost_zeros"] == 3
    assert got.manifest["records"]["set_aside"] == {"unmapped_user": 5}
    assert "crosswalk_lost_zeros" not in crosswalk(tmp_path, PLAIN, "0042", "0043").manifest["warnings"]


def test_zeros_that_the_people_list_lost_are_said(tmp_path):
    (tmp_path / "people.csv").write_text(
        "email,action,employee_id,reason\na@x,use_id,42,\nb@x,use_id,77,\nc@x,use_id,0044,\n"
    )
    people = [person(employee_id=f"004{at}", email=f"{name}@x") for at, name in zip((2, 3, 4), "abc", strict=True)]
    got = run(people, tmp_path, identity={"people": "people.csv"})
    assert got.manifest["warnings"]["people_lost_zeros"] == 1


@pytest.mark.parametrize("line", ["a\u200b@x,use_id,4\u200b2,x", "a\xa0b@x,exclude,,x", '"a@x","use_id","4\n2",x'])
def test_a_person_with_a_sign_that_nobody_sees_is_named_by_line(tmp_path, line):
    (tmp_path / "list.csv").write_text(f"email,action,employee_id,reason\nb@x,exclude,,\n{line}\n", encoding="utf-8")
    with pytest.raises(ConnectorError, match=r"identity.people, line 3: .* nobody sees") as error:
        read_people("list.csv", tmp_path.joinpath)
    assert "@" not in str(error.value)


def checked(folder, capsys, *options, **sections):
    content = {
        "name": "acme",
        "source": {"conn_id": "codebashing"},
        "delivery": {"method": "folder", "directory": "/drop"},
    }
    (folder / "acme.yaml").write_text(yaml.safe_dump(content | sections))
    code = main(["check", *options, str(folder / "acme.yaml")])
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err.splitlines()


def test_check_reads_no_list_unless_it_is_asked_to(tmp_path, capsys):
    code, out, err = checked(tmp_path, capsys, identity={"people": "gone.csv"})
    assert (code, len(out), err) == (0, 1, [])


def test_check_says_how_many_lines_each_list_has(tmp_path, capsys):
    (tmp_path / "people.csv").write_text("email,action,employee_id,reason\na@x,exclude,,\n")
    (tmp_path / "map.csv").write_text("course;id;title\nseccode;CB;Secure\ngo;ignore;Go\n")
    lines = "1,ann\n2,bo\u200bb\n3,\n4,dora\n4,dira\n5,eve\n6,eve\n"
    (tmp_path / "keys.csv").write_text(f"employee_id,user_key\n{lines}", encoding="utf-8")
    sections = {
        "identity": {"people": "people.csv", "crosswalk": "keys.csv"},
        "lms": TOTARA | {"course_map": "map.csv"},
    }
    code, out, err = checked(tmp_path, capsys, "--lists", **sections)
    assert (code, err) == (0, [])
    assert out[1:] == [
        "identity.people: people.csv: 1 line.",
        "identity.crosswalk: keys.csv: 7 lines, 1 employees with a user key; "
        "lines without an ID or a user key: 1 (line 4); "
        "lines with an invisible sign inside an ID or a user key: 1 (line 3); "
        "employees with several user keys: 1; employees who share a user key: 2.",
        "lms.course_map: map.csv: 2 lines.",
    ]


def test_check_says_what_is_wrong_with_every_list(tmp_path, capsys):
    (tmp_path / "map.csv").write_text("course,id\n")
    sections = {
        "identity": {"people": "gone.csv", "crosswalk": "s3://bucket/keys.csv"},
        "lms": TOTARA | {"course_map": "map.csv"},
    }
    code, out, err = checked(tmp_path, capsys, "--lists", **sections)
    assert code == 1
    assert out[1:] == ["identity.crosswalk: s3://bucket/keys.csv was not read: only Airflow reaches this address."]
    assert [line.partition(": ")[0] for line in err] == ["identity.people", "lms.course_map"]
    assert "gone.csv cannot be read (FileNotFoundError)" in err[0]
    assert "lacks title" in err[1]
    assert checked(tmp_path, capsys, "--lists")[1][1:] == ["The connector names no list."]


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConnectorError, match=r"file: gone.csv cannot be read \(FileNotFoundError\)"):
        open_csv("gone.csv", tmp_path.joinpath, "file")
