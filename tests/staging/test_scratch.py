"""Temporary space: nothing about people stays there, also where a task was killed."""

import os
import tempfile

from include.codebashing_lms.staging.scratch import scratch_folder


def test_what_killed_tasks_left_goes_a_day_later(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder() as mine:
        killed = mine.with_name(f"{mine.name}x")
        young = mine.with_name(f"{mine.name}y")
    somebody_elses = tmp_path / "somebody-elses"
    for folder in (killed, young, somebody_elses):
        folder.mkdir()
        (folder / "learners.arrow").touch()
    for folder in (killed, somebody_elses):
        os.utime(folder, (0, 0))
    with scratch_folder() as mine:
        assert sorted(tmp_path.iterdir()) == sorted([mine, young, somebody_elses])
    assert sorted(tmp_path.iterdir()) == sorted([young, somebody_elses])
