"""The views over an object store, which has no folders and many files."""

import shutil

from include.codebashing_lms.reporting.views.learner import answer_learner
from include.codebashing_lms.reporting.views.runs import Runs
from include.codebashing_lms.reporting.views.to_do import to_do
from include.codebashing_lms.reporting.views.trend import trend
from tests.reporting.views.acme import ANN, Acme, person


def test_the_same_is_seen_there(store, tmp_path):
    acme = Acme(tmp_path)
    acme.run(ANN, person(None, "bob@example.com"))
    acme.run(ANN, person("1002", "bob@example.com"))
    acme.run(ANN)
    root, bucket = store
    local = tmp_path / "staging"
    key = root.path.split("/", 1)[1] if "/" in root.path else ""
    for path in local.rglob("*"):
        if path.is_file():
            bucket.upload_file(str(path), f"{key}/{path.relative_to(local)}".lstrip("/"))
    here, there = acme.runs, Runs(root / "acme")
    assert [run.key for run in there.all] == [run.key for run in here.all]
    assert [run.manifest for run in there.all] == [run.manifest for run in here.all]
    assert trend(there) == trend(here)
    assert to_do(there.all[1:]).learners == to_do(here.all[1:]).learners == 0
    shutil.rmtree(local)
    assert answer_learner(there, "bob@example.com").events[0].title == "Not in the answer of Codebashing"
    assert "Sent to the LMS" in [one.title for one in answer_learner(there, "bob@example.com").events]
