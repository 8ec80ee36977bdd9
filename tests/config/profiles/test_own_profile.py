"""An unknown LMS needs one YAML file and no code; an error names every issue in the file."""

import hashlib

import pytest
from msgspec.structs import asdict

from include.codebashing_lms.__main__ import main
from include.codebashing_lms.config.connector import parse_connector
from include.codebashing_lms.config.files import read_connector_files
from include.codebashing_lms.config.lists import read_course_map
from include.codebashing_lms.config.profiles.profile import find_profile, profile_files
from include.codebashing_lms.errors import ConnectorError
from tests.config.profiles.rendering import learner, render

TRAINHUB = r"""
id: trainhub
title: TrainHub 9, transcript import
evidence: our own template of 2026-11
emits: snapshot
resend: replaces
user_key: employee_id
unattended: true
methods: [sftp, folder]
file_name: "TH_{tenant}_{as_of:%Y%m%d}.psv"
columns:
  - {label: PERSON, source: user_key, required: true, max_length: 12}
  - {label: ITEM, text: "{course_id}/{course.edition}", required: true}
  - {label: STATE, source: status, statuses: {not_started: N, in_progress: P, completed: C}}
  - {label: POINTS, source: percent_complete, scale: 20, decimals: 1, rounding: down}
  - {label: DONE, source: completed_at, date_format: "%d %b %Y"}
  - {label: TENANT, value: "{tenant}"}
file:
  delimiter: "|"
  quoting: none
  line_ending: "~\n"
  decimal_mark: ","
  months: [janv, fevr, mars, avr, mai, juin, juil, aout, sept, oct, nov, dec]
settings:
  tenant:
    type: text
    required: true
    help: the tenant's short name
    where: TrainHub > Settings > About
    example: ACME
course:
  edition: {type: integer, default: 1, help: the course's edition}
"""
STAFF = [
    learner("E1", 8, 8, "2025-03-14T09:26:53Z"),
    learner("E2", 5, 8),
    learner("E3", 0, 8),
    learner("E4|", 8, 8, "2025-03-14"),
    learner("E" * 13, 8, 8, "2025-03-14"),
]
ANY_ID = {"pattern": ".+"}
COURSES = {"seccode": {"id": "SEC", "edition": 3}}


@pytest.fixture
def profiles(tmp_path):
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "trainhub.yaml").write_text(TRAINHUB)
    return folder


def test_one_yaml_file_is_a_profile(profiles, tmp_path):
    lms = {"profile": "trainhub", "options": {"tenant": "ACME"}, "course_map": COURSES}
    got = render(tmp_path, STAFF, lms=lms, identity=ANY_ID)
    assert {name: data.decode() for name, data in got.files.items()} == {
        "TH_ACME_20250317.psv": "PERSON|ITEM|STATE|POINTS|DONE|TENANT~\n"
        "E1|SEC/3|C|20,0|14 mars 2025|ACME~\n"
        "E2|SEC/3|P|12,5||ACME~\n"
        "E3|SEC/3|N|0,0||ACME~\n"
    }
    assert got.manifest["records"]["set_aside"] == {"invalid_value": 2}
    assert got.manifest["profile_sha256"] == hashlib.sha256(TRAINHUB.encode()).hexdigest()


SETTINGS = """
  since: {type: date, help: a day}
  graded: {type: boolean, default: false, help: a word}
  note: {type: text, same_as: title, help: a note}
"""
AS_TEXT = '{"edition":3,"since":"2025-01-31","graded":true,"note":"Kurs ä"}'


def test_a_course_is_the_same_in_yaml_in_a_csv_file_and_as_text(profiles, tmp_path):
    (profiles / "trainhub.yaml").write_text(TRAINHUB + SETTINGS.lstrip("\n"))
    head = "course,id,title,edition,since,graded,note"
    (tmp_path / "map.csv").write_text(f"{head}\nseccode,SEC,Kurs ä,3,2025-01-31,Yes,\n", encoding="utf-8")
    known = {"id": "SEC", "title": "Kurs ä", "edition": 3, "since": "2025-01-31", "graded": True}
    maps = []
    for course_map in ({"seccode": known}, "map.csv"):
        lms = {"profile": "trainhub", "options": {"tenant": "ACME"}, "course_map": course_map}
        transport = {"method": "folder", "directory": "/drop"}
        content = {"name": "acme", "source": {"conn_id": "codebashing"}, "lms": lms, "delivery": transport}
        maps.append(read_course_map(parse_connector(content, tmp_path).lms, tmp_path.joinpath))
    assert asdict(maps[0]["seccode"]) == asdict(maps[1]["seccode"])
    assert maps[0]["seccode"].settings_as_text() == AS_TEXT


def test_its_required_settings_are_required(profiles, tmp_path, capsys):
    with pytest.raises(AssertionError):
        render(tmp_path, STAFF, lms={"profile": "trainhub"})
    assert "lms.options.tenant: is required: TrainHub > Settings > About" in capsys.readouterr().err


def test_the_folder_of_the_connectors_is_searched(profiles, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CODEBASHING_LMS_CONNECTORS", str(tmp_path))
    (tmp_path / "acme.yaml").write_text(
        "name: acme\nsource: {conn_id: codebashing}\nlms: {profile: trainhub, options: {tenant: ACME}}\n"
        "delivery: {method: folder, directory: /drop}\n"
    )
    [valid], invalid = read_connector_files()
    assert invalid == []
    assert valid.connector.lms.contract.title == "TrainHub 9, transcript import"
    assert main(["profiles"]) == 0
    assert "trainhub" in capsys.readouterr().out
    assert main(["profiles", "trainhub"]) == 0
    assert "00125|CB-JAVA/1|P|12,5||ACME~" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("emits: snapshot", "emits: everything"), "emits: should be 'snapshot' or 'completion'"),
        (("emits: snapshot\n", ""), "emits: is required"),
        (("resend: replaces", "resend: replaces\nspeed: 9"), "speed: unknown key"),
        (("source: status, ", "source: state, "), r"columns.2.source: is no source; known are employee_id"),
        (("source: status, ", "source: completed_at, "), "statuses goes with source: status"),
        (("{course.edition}", "{course.editon}"), r"columns.1: course.editon is no setting of a course"),
        (("{course_id}/", "{curse_id}/"), r"columns.1: curse_id is neither a source nor a setting"),
        (('value: "{tenant}"', 'value: "{tennant}"'), r"\{tennant\} is no setting"),
        (("    where: TrainHub > Settings > About\n", ""), "settings.tenant: a required one needs where"),
        (("%d %b %Y", "%d %Q"), "columns.4.date_format: has unknown %Q"),
        (("id: trainhub", "id: hub"), "id: must be 'trainhub', like the file"),
        (("columns:", "columns: ["), "cannot be read as YAML"),
        (("emits: snapshot", "emits: snapshot\nemits: completion"), "the key emits stands twice"),
        (("[janv, ", "["), "months"),
        (("default: 1,", "default: one,"), "course.edition.default: should be a valid integer, got 'one'"),
        (("    required: true\n", "    required_with: size\n"), "tenant: required_with names size, which is no"),
        (("course:\n", "earlier: {a: edition}\ncourse:\n"), "earlier names a, which is no setting of a course"),
    ],
)
def test_an_error_names_the_issue(change, words, profiles, tmp_path):
    path = profiles / "trainhub.yaml"
    assert change[0] in TRAINHUB
    path.write_text(TRAINHUB.replace(*change))
    with pytest.raises(ConnectorError, match=words) as caught:
        find_profile("trainhub", tmp_path)
    assert str(path) in str(caught.value)


def test_an_invalid_profile_does_not_stop_other_connectors(profiles, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CODEBASHING_LMS_CONNECTORS", str(tmp_path))
    (profiles / "trainhub.yaml").write_text("id: trainhub\n")
    rest = "source: {conn_id: codebashing}\ndelivery: {method: folder, directory: /drop}\n"
    (tmp_path / "acme.yaml").write_text(f"name: acme\n{rest}")
    (tmp_path / "bad.yaml").write_text(f"name: bad\nlms: {{profile: trainhub}}\n{rest}")
    valid, [invalid] = read_connector_files()
    assert [one.connector.name for one in valid] == ["acme"]
    assert "trainhub.yaml: title: is required" in invalid.message
    assert main(["profiles"]) == 0
    assert "trainhub.yaml: title: is required" in capsys.readouterr().out


def test_shipped_profiles_are_not_replaced(profiles, tmp_path):
    (profiles / "xapi.yaml").write_text(TRAINHUB)
    assert profile_files(tmp_path)["xapi"] != profiles / "xapi.yaml"


def test_the_command_lists_all_profiles(capsys):
    assert main(["profiles"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(profile_files())
    assert lines[0].split() == ["profile", "emits", "user", "key", "import", "evidence", "LMS"]
    [iomad] = [line for line in lines if line.startswith("iomad_completion")]
    assert iomad.split()[1:6] == ["completion", "username", "by", "a", "person"]


@pytest.mark.parametrize("name", sorted(profile_files()))
def test_the_command_shows_a_profile_with_settings_and_files(name, capsys):
    assert main(["profiles", name]) == 0
    shown = capsys.readouterr().out
    profile = find_profile(name)
    for key, one in [*profile.all_settings.items(), *profile.course.items()]:
        assert f"\n  {key} (" in shown
        assert one.help in shown
    assert "\nA connector file to copy:\n\nname: acme\n" in shown
    assert "The LMS file of three invented learners, " in shown
    assert "00123" in shown.partition("The LMS file of three")[2]


def test_the_command_names_all_profiles_for_an_unknown_name(capsys):
    assert main(["profiles", "xpai"]) == 1
    assert "xpai is no profile; did you mean xapi? there are brightspace_grades, " in capsys.readouterr().err
