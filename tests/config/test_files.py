"""An invalid connector file never hides the valid ones, and has a DAG ID of its own."""

import pytest

from include.codebashing_lms.config.files import VARIABLE, read_connector_files
from include.codebashing_lms.errors import ConnectorError

GOOD = "name: {}\nsource: {{conn_id: codebashing}}\ndelivery: {{method: folder, directory: /x}}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_every_file_is_valid_or_invalid_and_has_a_dag_id_of_its_own(folder):
    for name in ("acme.yaml", "acme.yml", "big co.yaml", "big_co.yaml", "notes.txt", "x.yaml.example", ".y.yaml"):
        (folder / name).write_text(GOOD.format(name.partition(".")[0]))
    valid, invalid = read_connector_files()
    assert [one.connector.dag_id for one in valid] == ["codebashing_lms_acme", "codebashing_lms_big_co"]
    assert [(one.path.name, one.dag_id) for one in invalid] == [
        ("acme.yml", "codebashing_lms_acme_"),
        ("big co.yaml", "codebashing_lms_big_co_"),
    ]
    assert "rename it to acme.yaml" in invalid[0].message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nothing.yaml", b""),
        ("binary.yaml", b"\x00\xff\xfe"),
        ("list.yaml", b"- a"),
        ("recursive.yaml", b"&a [*a]"),
        ("other.yaml", GOOD.format("acme").encode()),
        ("x" * 240 + ".yaml", GOOD.format("x" * 240).encode()),
        ("never.yaml", GOOD.format("never").encode() + b"schedule: 0 0 31 2 *\n"),
    ],
)
def test_any_content_makes_only_its_own_file_invalid(folder, name, content):
    (folder / name).write_bytes(content)
    (folder / "zz.yaml").write_text(GOOD.format("zz"))
    valid, invalid = read_connector_files()
    assert [one.connector.name for one in valid] == ["zz"]
    assert [one.path.name for one in invalid] == [name]
    assert str(folder / name) in invalid[0].message
    assert len(invalid[0].dag_id) <= 250


def test_the_admin_dag_keeps_its_id(folder):
    (folder / "admin.yaml").write_text(GOOD.format("admin"))
    valid, invalid = read_connector_files()
    assert (valid, [one.dag_id for one in invalid]) == ([], ["codebashing_lms_admin_"])
    assert "name: is taken: the DAG of that name looks after all connectors" in invalid[0].message


def test_a_folder_named_like_a_file_makes_no_other_file_invalid(folder):
    (folder / "acme.yaml").mkdir()
    valid, invalid = read_connector_files()
    assert (valid, [one.dag_id for one in invalid]) == ([], ["codebashing_lms_acme"])


def test_a_missing_folder_is_named(folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(folder / "missing"))
    with pytest.raises(ConnectorError, match=rf"missing: there is no such folder.*{VARIABLE}"):
        read_connector_files()
