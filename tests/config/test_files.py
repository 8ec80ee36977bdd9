import pytest

from include.codebashing_lms.config.files import VARIABLE, read_connector_files
from include.codebashing_lms.errors import ConnectorError

GOOD = "name: {}\nsource: {{conn_id: codebashing}}\ndelivery: {{method: folder, directory: /x}}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_every_file_is_good_or_broken_and_keeps_an_id_of_its_own(folder):
    for name in (
        "acme.yaml",
        "acme.yml",
        "big co.yaml",
        "big_co.yaml",
        "notes.txt",
        "x.yaml.example",
        ".y.yaml",
    ):
        (folder / name).write_text(GOOD.format(name.partition(".")[0]))
    good, broken = read_connector_files()
    assert [one.connector.dag_id for one in good] == ["codebashing_lms_acme", "codebashing_lms_big_co"]
    assert [(one.path.name, one.dag_id) for one in broken] == [
        ("acme.yml", "codebashing_lms_acme_"),
        ("big co.yaml", "codebashing_lms_big_co_"),
    ]
    assert "rename it to acme.yaml" in broken[0].message


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
def test_whatever_is_in_a_file_it_only_breaks_itself(folder, name, content):
    (folder / name).write_bytes(content)
    (folder / "zz.yaml").write_text(GOOD.format("zz"))
    good, broken = read_connector_files()
    assert [one.connector.name for one in good] == ["zz"]
    assert [one.path.name for one in broken] == [name]
    assert str(folder / name) in broken[0].message
    assert len(broken[0].dag_id) <= 250


def test_the_admin_dag_keeps_its_id(folder):
    (folder / "admin.yaml").write_text(GOOD.format("admin"))
    good, broken = read_connector_files()
    assert (good, [one.dag_id for one in broken]) == ([], ["codebashing_lms_admin_"])
    assert "name: is taken: the DAG of that name looks after all connectors" in broken[0].message


def test_a_folder_named_like_a_file_only_breaks_itself(folder):
    (folder / "acme.yaml").mkdir()
    good, broken = read_connector_files()
    assert (good, [one.dag_id for one in broken]) == ([], ["codebashing_lms_acme"])


def test_no_folder_is_said_clearly(folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(folder / "missing"))
    with pytest.raises(ConnectorError, match=rf"missing: there is no such folder.*{VARIABLE}"):
        read_connector_files()
