"""Renders learners through a profile: connector file and snapshot, the command `render`, its files."""

import csv
import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import yaml

from include.codebashing_lms.__main__ import main
from include.codebashing_lms.config.profiles.profile import find_profile, profile_files

PROFILES = sorted(set(profile_files()) - {"generic_csv"})
RUN_DATE = "2025-03-17T06:00:00Z"


@dataclass(frozen=True)
class Rendered:
    """The files that `render` wrote."""

    manifest: dict[str, Any]
    files: dict[str, bytes]
    set_aside: list[dict[str, str]]

    @property
    def content(self) -> bytes:
        """The only file, unpacked."""
        [data] = self.files.values()
        return unpacked(data)


def unpacked(data: bytes) -> bytes:
    if not data.startswith(b"PK"):
        return data
    with ZipFile(io.BytesIO(data)) as packed:
        [member] = packed.namelist()
        return packed.read(member)


def render(folder: Path, learners: list[dict[str, Any]], *, as_of: str = RUN_DATE, **sections: Any) -> Rendered:
    """Write a connector file with these sections, and run the command on a snapshot of these learners."""
    connector, snapshot, out = folder / "acme.yaml", folder / "snapshot.json", folder / "out"
    content = {
        "name": "acme",
        "source": {"conn_id": "codebashing"},
        "guards": {"min_learners": None, "max_set_aside_percent": None},
        "delivery": {"method": "folder", "directory": "/drop"},
    }
    connector.write_text(yaml.safe_dump(content | sections, allow_unicode=True), encoding="utf-8")
    snapshot.write_text(json.dumps(learners), encoding="utf-8")
    command = ["render", "--connector", str(connector), "--snapshot", str(snapshot), "--as-of", as_of]
    with redirect_stdout(io.StringIO()):
        assert main([*command, "--out", str(out)]) == 0
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    with (out / "set_aside.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    files = {part["file"]: (out / part["file"]).read_bytes() for part in manifest["parts"]}
    return Rendered(manifest, files, lines)


def learner(
    employee_id: str, done: int, total: int, on: str | None = None, course: str = "seccode", **more: Any
) -> dict[str, Any]:
    """Return a learner's record with one course.

    :param on: the completion date.
    """
    return {
        "employee_id": employee_id,
        "email": f"{employee_id}@example.com".lower(),
        "primary_course_name": course,
        "primary_course_lessons_count": total,
        "primary_course_completed_lessons_count": done,
        "last_active_at": "2025-03-16T01:00:00Z",
        **({f"{course}.completed_date": on} if on else {}),
        **more,
    }


def required_options(profile: str) -> dict[str, Any]:
    """Return the examples of all required options."""
    known = find_profile(profile)
    options = {name: one.example for name, one in known.settings.items() if one.required}
    own_keys = "user_key" in known.all_settings and "user_key" not in known.settings
    return options | ({"user_key": "employee_id"} if own_keys else {})


def course(profile: str, id_: str, title: str | None, **more: Any) -> dict[str, Any]:
    """Return a course with the settings that the profile requires."""
    required = {
        name: one.example
        for name, one in find_profile(profile).course.items()
        if one.required or one.required_with == "revision_dates"
    }
    return {"id": id_, **({"title": title} if title else {}), **required, **more}


def delivery(profile: str) -> dict[str, Any]:
    """Return a delivery that the profile allows."""
    folder = {"method": "folder", "directory": "/drop"}
    return folder if "folder" in find_profile(profile).contract["methods"] else {"method": "http", "endpoint": "/x"}
