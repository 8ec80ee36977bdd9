"""Every layout of `make bundle` in the folders of its host: Airflow finds the DAG and the page there."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.paths import ROOT

CONNECTOR = "name: acme\nsource: {conn_id: codebashing}\ndelivery: {method: folder, directory: /drop}\n"
SCRIPT = """
import json, sys
from airflow.models import DagBag
from airflow import plugins_manager
bag = DagBag(sys.argv[1])
plugins = [one["name"] for one in plugins_manager.get_plugin_info(["fastapi_apps"])]
strays = sorted({"transform", "load", "delivery", "extract"} & set(sys.modules))
print(json.dumps([sorted(bag.dags), list(bag.import_errors.values()), plugins, strays]))
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    result = subprocess.run([sys.executable, ROOT / "deployments" / "bundle.py", folder], check=False)
    assert result.returncode == 0
    return folder


def found(home: Path, dags: Path, plugins: Path, *path: Path):
    """Return the DAGs, errors and plugins that an Airflow finds, and modules that it should not have."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "CODEB"))}
    environment = {
        **others,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONWARNINGS": "ignore",
    }
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(dags)],
        cwd=home, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


EVERYTHING = [["codebashing_lms_acme", "codebashing_lms_admin"], [], ["codebashing_lms"], []]


@pytest.mark.parametrize("layout", ["astronomer", "helm"])
def test_the_folders_in_the_home_of_airflow(out, tmp_path, layout):
    """Both have AIRFLOW_HOME on the path: Astro by itself, the chart by our values."""
    home = out / layout
    (home / "include/connectors/acme.yaml").write_text(CONNECTOR)
    assert found(home, home / "dags", home / "plugins", home) == EVERYTHING


def test_two_folders_of_a_bucket(out, tmp_path):
    bucket = out / "composer"
    (bucket / "plugins/include/connectors/acme.yaml").write_text(CONNECTOR)
    assert found(tmp_path, bucket / "dags", bucket / "plugins") == EVERYTHING


def test_an_archive_of_plugins(out, tmp_path):
    with zipfile.ZipFile(out / "mwaa/plugins.zip") as archive:
        archive.extractall(tmp_path / "plugins")
    (tmp_path / "plugins/include/connectors/acme.yaml").write_text(CONNECTOR)
    assert found(tmp_path, out / "mwaa/dags", tmp_path / "plugins") == EVERYTHING


def test_a_git_bundle(out, tmp_path):
    """Airflow looks through the whole repository, and has its root on the path."""
    repository = out / "git-bundle/repository"
    (repository / "include/connectors/acme.yaml").write_text(CONNECTOR)
    assert found(tmp_path, repository, out / "git-bundle/plugins", repository) == EVERYTHING


def test_requirements_never_name_airflow_itself(out):
    for layout in out.iterdir():
        names = [line.split()[0] for line in (layout / "requirements.txt").read_text().splitlines()]
        assert "pandas" in names
        assert not [name for name in names if name.startswith("apache-airflow>") or name == "apache-airflow"]
