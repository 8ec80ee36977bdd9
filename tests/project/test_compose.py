"""Checks docker-compose.yaml without Docker: every service has all settings that it shares with others."""

import json
import os
import re
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest
import yaml

from include.codebashing_lms.config.connector import parse_connector
from tests.paths import ROOT

TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
AIRFLOW = {name: one for name, one in COMPOSE["services"].items() if name.startswith("airflow-")}
SHARED_SECRETS = {
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CELERY__RESULT_BACKEND",
}
ONLY_CELERY = {"redis", "airflow-worker"}
STAND_INS = {"codebashing", "lms", "sftp"}


def test_all_components_of_airflow_are_there():
    commands = {str(one["command"]).split()[0] for name, one in AIRFLOW.items() if name != "airflow-apiserver"}
    assert commands == {"db", "scheduler", "dag-processor", "triggerer", "celery"}
    assert "exec airflow api-server" in AIRFLOW["airflow-apiserver"]["command"][-1]


@pytest.mark.parametrize("name", AIRFLOW)
def test_a_service_shares_the_common_block(name):
    service, common = AIRFLOW[name], COMPOSE["x-airflow"]
    assert service["environment"].items() >= common["environment"].items()
    same = ("build", "image", "volumes", "env_file")
    assert {key: service[key] for key in same} == {key: common[key] for key in same}


def test_code_logs_and_staging_are_where_airflow_looks():
    mounts = [volume.removesuffix(":ro").rsplit(":", 1) for volume in COMPOSE["x-airflow"]["volumes"]]
    targets = {source: target for source, target in mounts}
    assert targets == {
        "./dags": "/opt/airflow/dags",
        "./include": "/opt/airflow/include",
        "./plugins": "/opt/airflow/plugins",
        "${CONNECTORS:-./include/connectors}": "/opt/airflow/connectors",
        "logs": "/opt/airflow/logs",
        "staging": "/opt/airflow/staging",
    }
    environment = COMPOSE["x-airflow"]["environment"]
    assert environment["PYTHONPATH"] == "/opt/airflow"
    assert environment["CODEBASHING_LMS_CONNECTORS"] == "/opt/airflow/connectors"
    assert {"logs", "staging", "database"} == set(COMPOSE["volumes"])


def test_a_missing_secret_stops_the_start():
    environment = COMPOSE["x-airflow"]["environment"]
    for key in SHARED_SECRETS:
        assert re.search(r"\$\{[A-Z_]+:\?", environment[key]), f"{key} may be empty"


def test_make_env_fills_every_variable_that_is_required(tmp_path):
    for name in ("Makefile", ".env.example"):
        shutil.copy(ROOT / name, tmp_path)
    made = subprocess.run(["make", "env"], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    values = dict(
        line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines() if not line.startswith("#")
    )
    assert {name for name in re.findall(r"\$\{([A-Z_]+):\?", TEXT) if not values.get(name)} == set()
    assert set(re.findall(r"\$\{([A-Z_]+)", TEXT)) | {"COMPOSE_PROFILES"} == set(values)
    assert len(set(values.values())) == len(values)
    assert len(values["JWT_SECRET"]) >= 64
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    again = subprocess.run(["make", "env"], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert again.returncode != 0


@pytest.mark.parametrize("name", sorted(set(COMPOSE["services"]) - STAND_INS))
def test_every_service_has_a_health_check(name):
    if name == "airflow-init":
        assert COMPOSE["services"][name]["restart"] == "no"
    else:
        check = COMPOSE["services"][name]["healthcheck"]
        assert check["timeout"] == ("60s" if name == "airflow-worker" else "15s")
        assert check["retries"] >= 5


def test_one_setting_switches_to_celery():
    profiles = {name: set(one.get("profiles", [])) for name, one in COMPOSE["services"].items()}
    assert {name for name, chosen in profiles.items() if "CeleryExecutor" in chosen} == ONLY_CELERY
    assert {name for name, chosen in profiles.items() if "celery" in chosen} == ONLY_CELERY
    assert COMPOSE["x-airflow"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "${EXECUTOR:-LocalExecutor}"
    example = (ROOT / ".env.example").read_text().splitlines()
    assert {"EXECUTOR=LocalExecutor", "COMPOSE_PROFILES=$EXECUTOR"} <= set(example)


def test_the_stand_ins_start_only_when_asked_for_and_the_demo_knows_them():
    assert {name for name, one in COMPOSE["services"].items() if one.get("profiles") == ["demo"]} == STAND_INS
    lines = (ROOT / "demo/compose/connections.env").read_text().splitlines()
    content = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    connections = {name: json.loads(text) for name, text in content.items()}
    hosts = {urlsplit(one["host"]).hostname or one["host"] for one in connections.values()}
    assert hosts == STAND_INS
    connectors = [yaml.safe_load(path.read_text()) for path in (ROOT / "demo/compose").glob("*.yaml")]
    wanted = {one[part]["conn_id"] for one in connectors for part in ("source", "delivery")}
    assert {f"AIRFLOW_CONN_{conn_id.upper()}" for conn_id in wanted} == set(connections)
    assert all(parse_connector(one) for one in connectors)


def test_nobody_starts_what_a_profile_left_out():
    always = {name for name, one in COMPOSE["services"].items() if "profiles" not in one}
    assert all(set(COMPOSE["services"][name].get("depends_on", {})) <= always for name in always)


def test_services_wait_for_the_migration():
    after_init = {"airflow-init": {"condition": "service_completed_successfully"}}
    assert AIRFLOW["airflow-init"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    others = {name: one["depends_on"] for name, one in AIRFLOW.items() if name != "airflow-init"}
    assert others.pop("airflow-worker") == dict.fromkeys(
        ("redis", "airflow-apiserver"), {"condition": "service_healthy"}
    )
    assert [name for name, waits in others.items() if waits != after_init] == []


def test_nothing_is_open_to_the_network():
    published = {name: one["ports"] for name, one in COMPOSE["services"].items() if "ports" in one}
    assert published == {"airflow-apiserver": ["127.0.0.1:${PORT:-8080}:8080"]}


def test_the_image_installs_the_lock_on_the_airflow_of_the_lock():
    dockerfile = (ROOT / "Dockerfile").read_text()
    locked = re.search(r"^apache-airflow==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert dockerfile.startswith(f"FROM apache/airflow:{locked[1]}\n")
    assert "--require-hashes -r /tmp/requirements.lock" in dockerfile
