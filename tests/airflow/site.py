"""A connector with all its folders below one, and whole runs of its DAG."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from airflow.models import DagBag
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session

from demo.codebashing import Codebashing
from include.codebashing_lms.extract.client import RetryPolicy
from tests.paths import ROOT

TOKEN = "token-f00dcafe"
API_KEY = "key-beefbeef"
IMPATIENT = RetryPolicy(attempts=2, first_wait=0.01, longest_wait=2)
SOON = timedelta(milliseconds=10)
NO_PARAMS = {"as_of": None, "dry_run": False, "check_only": False, "skip_guards": [], "reason": None}


@dataclass
class FinishedRun:
    """The result of a run."""

    run_id: str
    logical_date: datetime | None
    state: str
    tasks: dict[str, str]
    xcom: dict[str, Any]
    log: str

    @property
    def notice(self) -> str:
        """Return the one notice of the failure."""
        [notice] = [line for line in self.log.splitlines() if "NOTICE" in line]
        return notice


class Site:
    """One connector, its connections, and runs of its DAG."""

    def __init__(self, folder: Path, monkeypatch, capfd, caplog) -> None:
        self.name = folder.name[:60].lower().replace("-", "_")
        self.staging, self.drop, self.connectors = (folder / sub for sub in ("staging", "drop", "connectors"))
        self.connectors.mkdir()
        self.monkeypatch, self.capfd, self.caplog = monkeypatch, capfd, caplog
        monkeypatch.setenv("CODEBASHING_LMS_CONNECTORS", str(self.connectors))
        monkeypatch.setenv("CODEBASHING_LMS_STAGING", f"file://{self.staging}")
        self.connector()

    def connector(self, **changes: Any) -> None:
        """Write the connector file."""
        content = {
            "name": self.name,
            "start_date": datetime(2026, 1, 1, tzinfo=UTC).date(),
            "source": {"conn_id": "codebashing"},
            "delivery": {"method": "folder", "directory": str(self.drop)},
            **changes,
        }
        (self.connectors / f"{self.name}.yaml").write_text(yaml.safe_dump(content))

    def connection(self, conn_id: str, **fields: Any) -> None:
        """Make an Airflow connection."""
        self.monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))

    def codebashing(self, base_url: str, **fields: Any) -> None:
        """Make the connection to a source."""
        extra = {"api_key": API_KEY}
        self.connection("codebashing", conn_type="http", host=base_url, **{"password": TOKEN, "extra": extra, **fields})

    @contextmanager
    def source(self, learners: list[Any], **secrets: str) -> Iterator[Codebashing]:
        """Let a stand-in for Codebashing answer with these learners, and make the connection to it.

        :param secrets: its `token` and `api_key`.
        """
        with Codebashing(learners) as api:
            for name, secret in secrets.items():
                setattr(api, name, secret)
            self.codebashing(api.url, password=api.token, extra={"api_key": api.api_key})
            yield api

    def dag(self):
        """Return the connector's DAG, parsed anew."""
        return self._dag(self.name)

    def admin_dag(self):
        """Return the admin DAG, parsed anew."""
        return self._dag("admin")

    def _dag(self, name: str):
        bag = DagBag(ROOT / "dags")
        assert bag.import_errors == {}
        return bag.dags[f"codebashing_lms_{name}"]

    def run(self, retries: int | None = None, **given: Any) -> FinishedRun:
        """Run the whole DAG; what is no date of the run is an answer in the trigger form."""
        dates = {name: given.pop(name) for name in ("logical_date", "run_after") if name in given}
        dag = self.dag()
        dag.task_dict["extract"].request_retries = IMPATIENT
        for task in dag.tasks:
            task.retry_delay, task.retry_exponential_backoff = SOON, 0
            task.retries = task.retries if retries is None else retries
        return self.run_dag(dag, run_conf={**NO_PARAMS, **given}, **dates)

    def run_dag(self, dag, **options: Any) -> FinishedRun:
        """Run a DAG in this process."""
        self._log()
        dag_run = dag.test(**options)
        with create_session() as session:
            xcoms = session.query(XComModel).filter_by(dag_id=dag_run.dag_id, run_id=dag_run.run_id)
            xcom = {f"{one.task_id}.{one.key}": one.value for one in xcoms}
            tasks = {one.task_id: str(one.state) for one in dag_run.get_task_instances(session=session)}
        return FinishedRun(dag_run.run_id, dag_run.logical_date, str(dag_run.state), tasks, xcom, self._log())

    def _log(self) -> str:
        """Return what was logged since the last call."""
        log = self.caplog.text + "".join(self.capfd.readouterr())
        self.caplog.clear()
        return log

    def manifest(self, ran: FinishedRun) -> dict[str, Any]:
        """Return the manifest of a run."""
        uri = ran.xcom["transform.return_value"]["manifest"]
        return json.loads(Path(uri.removeprefix("file://")).read_text())

    def receipt(self, ran: FinishedRun) -> dict[str, Any]:
        """Return the receipt of a run."""
        return json.loads(Path(ran.xcom["load.return_value"]["receipt"].removeprefix("file://")).read_text())

    def files(self) -> dict[str, Path]:
        """Return the files in the staging area by their names."""
        return {path.name: path for path in self.staging.rglob("*") if path.is_file()}

    def delivered(self) -> dict[str, bytes]:
        """Return what lies in the drop folder."""
        return {path.name: path.read_bytes() for path in self.drop.iterdir()} if self.drop.exists() else {}
