"""Stages months of runs of an invented company with the real transform and load, for tests and pictures.

    python -m demo.history --staging DIR --connector FILE --runs 60 --learners 300

Names and progress are random with a fixed seed: always the same.
"""

import argparse
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.files import read_connector, sha256_of_connector
from include.codebashing_lms.errors import CodebashingLmsError
from include.codebashing_lms.load.outcome import Outcome, OutcomeKind, not_sent, write_outcome
from include.codebashing_lms.load.prepare import LoadContext
from include.codebashing_lms.load.run import load
from include.codebashing_lms.staging.layout import run_folder
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.run import transform

FIRST = ["Amara", "Benedikt", "Chiara", "Daniel", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jakub", "Keiko"]
LAST = ["Okafor", "Lang", "Romano", "Okoye", "Yilmaz", "Haddad", "Mwangi", "Lindqvist", "Nowak", "Tanaka"]
COURSES = {"java": 42, "python": 36, "dotnet": 40, "nodejs": 28, "frontend": 24, "go": 20, "php": 32}
UNMAPPED = "rust"


class Company:
    """Learners who sign in, get their employee IDs, and learn.

    :param mapped: the day since which the identity team sends employee IDs; after a month most learners have
        one.
    """

    def __init__(self, learners: int, today: datetime, mapped: datetime, seed: int = 7) -> None:
        self.rng, self.today, self.mapped = random.Random(seed), today, mapped
        self.people = [self._person(number) for number in range(learners)]

    def _person(self, number: int) -> dict[str, Any]:
        rng = self.rng
        course = rng.choice(list(COURSES))
        total = COURSES[course]
        done = rng.choice((0, 0, 0, total, total, *(rng.randint(1, total) for _ in range(4))))
        active = self.today - timedelta(days=rng.randint(1, 120)) if done else None
        return {
            "email": f"{rng.choice(FIRST)}.{rng.choice(LAST)}.{number}@example.com".lower(),
            "id": f"{10_000 + number}",
            "forgotten": rng.random() < 0.03,  # the identity team has no ID for this person
            "has_id": self.mapped < self.today - timedelta(days=30) and rng.random() < 0.7,
            "course": course,
            "done": done,
            "active": active,
            "completed": active if done == total else None,
        }

    def next_day(self) -> None:
        """Let a day pass: some learners sign in and learn; signing in brings the employee ID."""
        self.today += timedelta(days=1)
        eager = 0.02 if self.today.weekday() < 5 else 0.003
        for person in self.people:
            if self.rng.random() < eager:
                self._signs_in(person)

    def _signs_in(self, person: dict[str, Any]) -> None:
        total = COURSES.get(person["course"], 30)
        person["active"] = self.today - timedelta(hours=self.rng.randint(1, 20))
        person["has_id"] |= self.today >= self.mapped and not person["forgotten"]
        person["done"] = min(total, person["done"] + self.rng.randint(1, 14))
        if person["done"] == total and person["completed"] is None:
            person["completed"] = person["active"]

    def answer(self) -> list[dict[str, Any]]:
        """Return Codebashing's answer of this day."""
        records = [self._record(person) for person in self.people]
        if len(records) > 20 and self.today >= self.mapped:  # one record for each kind of problem
            records[3] |= {"employee_id": records[4]["employee_id"] or "10004"}
            records[5] |= {"employee_id": records[5]["email"]}
            records[6] |= {"primary_course_name": UNMAPPED, "primary_course_completed_lessons_count": 4}
            records[7] |= {"primary_course_completed_lessons_count": "seven"}
        return records

    def _record(self, person: dict[str, Any]) -> dict[str, Any]:
        return {
            "email": person["email"],
            "employee_id": person["id"] if person["has_id"] else None,
            "primary_course_name": person["course"],
            "primary_course_completed_lessons_count": person["done"],
            "primary_course_lessons_count": COURSES.get(person["course"], 30),
            "last_active_at": _text(person["active"]),
            f"{person['course']}.completed_date": _text(person["completed"]),
        }


def _text(at: datetime | None) -> str | None:
    return at and at.strftime("%Y-%m-%dT%H:%M:%S.000")


def stage_history(connector: Connector, sha256: str, staging: Path, company: Company, runs: int) -> Iterator[Outcome]:
    """Stage a scheduled run for each of the next days; give each load's outcome."""
    for _ in range(runs):
        company.next_day()
        yield stage_run(connector, sha256, staging, company.answer(), company.today)


def stage_run(
    connector: Connector,
    sha256: str,
    staging: Path,
    answer: list[Any],
    at: datetime,
    run_id: str | None = None,
    **form: Any,
) -> Outcome:
    """Stage one live run as the tasks do; return the load's outcome."""
    date = at.replace(minute=0, second=0, microsecond=0)
    run_id = run_id or f"scheduled__{date.isoformat()}"
    folder = run_folder(staging, connector.name, date, run_id, 0)
    folder.mkdir(parents=True)
    snapshot = staging / connector.name / "snapshots" / f"{at:%Y%m%dT%H%M%S}.000000Z.json"
    snapshot.parent.mkdir(exist_ok=True)
    snapshot.write_text(json.dumps(answer))
    params = {"as_of": None, "dry_run": False, "check_only": False, "send": None, **form}
    context = RunContext(run_id, None, params, date, at, at, "live", sha256)
    run = LoadContext(run_id, dry_run=params["dry_run"], check_only=params["check_only"], send=params["send"])
    try:
        transformed = transform(connector, snapshot, None, folder, context)
        outcome = load(connector, None, transformed, folder, run)
    except CodebashingLmsError as error:
        outcome = not_sent(OutcomeKind.STOPPED, str(error))
    finally:
        snapshot.unlink()
    write_outcome(folder, outcome.kind, outcome.sentence)
    return outcome


def main() -> None:
    """Stage a history from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--staging", type=Path, required=True)
    parser.add_argument("--connector", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--learners", type=int, default=300)
    parser.add_argument("--mapped", type=int, default=365, help="for how many days the employee ID is sent")
    options = parser.parse_args()
    connector = read_connector(options.connector)
    today = datetime.now(UTC).replace(hour=5, minute=15, second=2, microsecond=0)
    start, mapped = (today - timedelta(days=days) for days in (options.runs, options.mapped))
    company = Company(options.learners, start, mapped)
    sha256 = sha256_of_connector(options.connector)
    for outcome in stage_history(connector, sha256, options.staging, company, options.runs):
        print(outcome.kind, outcome.sentence[:120])


if __name__ == "__main__":
    main()
