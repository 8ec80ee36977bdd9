"""Whenever the LMS fetches, whatever it refuses, however late: in the end the LMS knows the truth."""

import csv
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from include.codebashing_lms.errors import DeliveryUnavailableError
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from tests.load.staged_run import learner, stage

WHO = ("1", "2", "3")
RESULTS = {"name": "{stem}.result", "user": "user", "reason": "why", "max_refused_percent": 100}
DAY = st.fixed_dictionaries(
    {
        "done": st.tuples(*[st.integers(0, 3) for _ in WHO]),
        "unknown": st.sets(st.sampled_from(WHO)),
        "fetches": st.booleans(),
        "tells": st.booleans(),
        "send": st.sampled_from(["changes", "full"]),
    }
)


class Inbox:
    """An LMS that fetches files from a folder, and says later what it refused."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows, self.to_tell = folder, {}, []

    def fetch(self, unknown: set[str]) -> None:
        for path in sorted(self.folder.glob("*.csv")):
            lines = list(csv.DictReader(path.read_text().splitlines()))
            self.rows |= {
                line["employee_id"]: line["percent_complete"] for line in lines if line["employee_id"] not in unknown
            }
            refused = [line["employee_id"] for line in lines if line["employee_id"] in unknown]
            self.to_tell.append((path.with_suffix(".result"), refused))
            path.unlink()

    def say(self) -> None:
        for path, refused in self.to_tell:
            path.write_text("user,why\n" + "".join(f"{who},no such user\n" for who in refused))
        self.to_tell.clear()


@settings(max_examples=5, deadline=None)
@given(st.lists(DAY, min_size=1, max_size=6))
def test_in_the_end_it_knows_the_truth(history):
    with tempfile.TemporaryDirectory() as name:
        root, drop = Path(name), Path(name) / "drop"
        drop.mkdir()
        lms = Inbox(drop)
        last = history[-1] | {"unknown": set(), "fetches": True, "tells": True, "send": "changes"}
        for number, day in enumerate([*history, last, last, last], start=1):
            # a new title makes another row of one that was refused too often
            title = "Java" if number > len(history) else "Coffee"
            shared = {"lms": {"course_map": {"java": {"id": "java", "title": title}}}}
            learners = [learner(who, "java", done, 4) for who, done in zip(WHO, day["done"], strict=True)]
            guards = {"guards": {"min_learners": None, "max_fall_percent": None}}
            staged = stage(root / "staging", learners, day=number, run_id=f"run{number}", **shared)
            delivery = {"method": "folder", "directory": str(drop), "fetched": "removed", "results": RESULTS}
            with suppress(DeliveryUnavailableError):
                staged.load({**delivery, "send": day["send"]}, **shared, **guards)
            if day["fetches"]:
                lms.fetch(day["unknown"])
            if day["tells"]:
                lms.say()
        assert lms.rows == {who: f"{done * 25}" for who, done in zip(WHO, last["done"], strict=True)}
        [destination_ledger] = ledgers(root / "staging" / "acme")
        assert rebuild(destination_ledger).table.equals(open_ledger(destination_ledger).table)
        assert not any(open_ledger(destination_ledger).table["refused_at"].to_pylist())
