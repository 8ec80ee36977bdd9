"""A run's staged files, and connectors that deliver them."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from include.codebashing_lms.config.connector import Connector, parse_connector
from include.codebashing_lms.load.prepare import LoadContext
from include.codebashing_lms.load.run import load
from include.codebashing_lms.staging.layout import run_folder
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.run import transform

NAME = "codebashing_20261123T051502.csv"
CSV = (
    b"employee_id,course_id,percent_complete,status,completed_at\r\n"
    b"1042,java,100,completed,2026-11-20T08:00:00Z\r\n"
    b"1043,python,33.33,in_progress,\r\n"
)
RUN = LoadContext(run_id="manual__2026-11-23T05:15:00+00:00", triggered_by="ada")


@dataclass
class StagedRun:
    """What transform left for load."""

    folder: Path
    transformed: dict[str, Any]
    run_id: str

    @property
    def file(self) -> Path:
        return self.folder / NAME

    @property
    def receipt(self) -> dict[str, Any]:
        return json.loads((self.folder / "receipt.json").read_text())

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.folder / "manifest.json").read_text())

    def load(self, delivery: dict[str, Any], destination: Any = None, **run: Any) -> dict[str, Any]:
        sections = {name: run.pop(name) for name in ("lms", "guards", "identity") if name in run}
        with_sections = connector(delivery, **sections)
        this_run = replace(RUN, **({"run_id": self.run_id} | run))
        return to_builtins(
            load(with_sections, destination, self.transformed, self.folder, this_run, self.folder.joinpath)
        )


def connector(delivery: dict[str, Any], **sections: Any) -> Connector:
    settings = {"name": "acme", "source": {"conn_id": "codebashing"}, "delivery": delivery, **sections}
    return parse_connector(settings)


def learner(employee_id: str, course: str, completed: int, total: int, date: str | None = None, **more: Any) -> Any:
    record = {
        "employee_id": employee_id,
        "email": f"{employee_id}@example.com",
        "primary_course_name": course,
        "primary_course_completed_lessons_count": completed,
        "primary_course_lessons_count": total,
        f"{course}.completed_date": date,
    }
    return record | more


LEARNERS = [learner("1042", "java", 4, 4, "2026-11-20T08:00:00"), learner("1043", "python", 1, 3)]

MANY = [learner(f"{number:08d}", "java", 1, 4) for number in range(20_000)]


def stage(
    root: Path,
    learners: list[Any] = LEARNERS,
    clear_number: int = 0,
    day: int = 23,
    run_id: str = RUN.run_id or "",
    provenance: str = "live",
    **sections: Any,
) -> StagedRun:
    """Let transform stage a run, as it does in Airflow."""
    as_of = datetime(2026, 11, day, 5, 15, 2, tzinfo=UTC)
    folder = run_folder(root, "acme", as_of, run_id, clear_number)
    folder.mkdir(parents=True)
    snapshot = folder / "snapshot.json"
    snapshot.write_text(json.dumps(learners))
    context = RunContext(run_id, "ada", {}, as_of, as_of, as_of, provenance, "0")
    guards = {"min_learners": None}
    delivery = sections.pop("delivery", {"method": "folder", "directory": "/drop"})
    with_sections = connector(delivery, **({"guards": guards} | sections))
    transformed = transform(with_sections, snapshot, None, folder, context, folder.joinpath)
    return StagedRun(folder, transformed, run_id)
