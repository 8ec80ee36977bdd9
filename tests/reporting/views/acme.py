"""A connector, and runs of an invented company that it makes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from demo.history import stage_run
from include.codebashing_lms.config.files import read_connector
from include.codebashing_lms.dates import iso
from include.codebashing_lms.reporting.views.overview import Schedule, card
from include.codebashing_lms.reporting.views.runs import Runs

TODAY = datetime(2026, 11, 23, 5, 15, 2, tzinfo=UTC)


def write_connector(folder: Path, name: str, **changes) -> Path:
    """Write a connector file that delivers to a folder beside it."""
    drop = folder / "drop" / name
    drop.mkdir(parents=True)
    content = {
        "name": name,
        "schedule": None,
        "source": {"conn_id": "codebashing"},
        "guards": {"max_set_aside_percent": None},
        "lms": {"course_map": {"java": {"id": "SEC-101", "title": "Secure Java"}, "rust": "ignore"}},
        "delivery": {"method": "folder", "directory": str(drop)},
        **changes,
    }
    content["lms"]["course_map"] |= {slug: {"id": slug} for slug in ("python", "dotnet", "nodejs", "frontend")}
    if "lms" in changes:
        return _written(folder, name, content)
    content["lms"]["course_map"] |= {slug: {"id": slug} for slug in ("go", "php")}
    return _written(folder, name, content)


def _written(folder: Path, name: str, content: dict) -> Path:
    connectors = folder / "connectors"
    connectors.mkdir(exist_ok=True)
    path = connectors / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def person(employee_id, email, course="java", done=1, active=TODAY, **more):
    record = {
        "employee_id": employee_id,
        "email": email,
        "primary_course_name": course,
        "primary_course_completed_lessons_count": done,
        "primary_course_lessons_count": 4,
        "last_active_at": active and iso(active),
        f"{course}.completed_date": iso(TODAY - timedelta(days=30)) if done == 4 else None,
    }
    return record | more


UNKNOWN = Schedule()
ANN = person("1001", "ann@example.com")


class Acme:
    """A connector and the runs that it makes, a day each."""

    def __init__(self, folder, **changes):
        self.folder = folder
        self.path = write_connector(folder, "acme", **changes)
        self.connector = read_connector(self.path)
        self.at = TODAY - timedelta(days=100)

    def run(self, *learners, **form):
        self.at += timedelta(days=1)
        return stage_run(self.connector, "0", self.folder / "staging", list(learners), self.at, **form)

    @property
    def runs(self):
        return Runs(self.folder / "staging" / "acme")

    def card(self, schedule=UNKNOWN):
        return card(self.connector, self.runs, schedule)
