"""A connector file to copy for a profile, and the LMS file of three invented learners."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from include.codebashing_lms.config.files import read_connector, sha256_of_connector
from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.config.profiles.profile import Profile, example_options
from include.codebashing_lms.staging.scratch import scratch_folder

AS_OF = datetime(2026, 11, 23, 5, 15, tzinfo=UTC)
KEYS = "/mnt/lists/user_keys.csv"
ENDPOINTS = {
    "file": "/imports",
    "xapi": "/xapi",
    "oracle_hdl": "/hcmRestApi/resources/11.13.18.05",
    "moodle_ws": "/webservice/rest/server.php",
    "canvas": "/api/v1",
}
DATES = ("completed_at", "last_active_at", "told_at", "as_of")
LEARNERS = (("00123", 12, 12, "2026-11-20T09:26:53Z"), ("00124", 12, 12, "2026-11-21T17:05:00Z"), ("00125", 5, 8, None))


def contract_of(profile: Profile) -> Contract:
    """Return the contract of a profile, with examples for required settings."""
    return profile.resolve(example_options(profile), timezone="UTC")


def connector_lines(profile: Profile) -> Iterator[str]:
    """Give the lines of a connector file to copy."""
    contract = contract_of(profile)
    yield from ("name: acme", "source:", "  conn_id: codebashing")
    if contract.needs_crosswalk:
        yield "identity:"
        yield f"  crosswalk: {KEYS}   # employee_id,user_key; or lms.options.user_key: employee_id"
    yield from ("lms:", f"  profile: {profile.id}")
    if any(column.date_format and column.source in DATES for column in contract.columns):
        yield "  timezone: Europe/Berlin   # of the LMS, as its file's dates have no offset; without it UTC"
    required = {name: one for name, one in profile.settings.items() if one.required}
    if required:
        yield "  options:"
    for name, one in required.items():
        yield f"    {name}: {_yaml(one.example)}"
    yield "  course_map:"
    yield f"    java: {_course(profile, contract)}"
    yield from _delivery(contract)


def _course(profile: Profile, contract: Contract) -> str:
    settings = {
        name: one.example
        for name, one in profile.course.items()
        if one.required or contract.options.get(one.required_with or "")
    }
    entry = {"id": "CB-JAVA", "title": "Secure Java", **settings}
    return "{" + ", ".join(f"{name}: {_yaml(value)}" for name, value in entry.items()) + "}"


def _delivery(contract: Contract) -> Iterator[str]:
    method = contract.methods[0]
    yield from ("delivery:", f"  method: {method}")
    if method == "folder":
        yield "  directory: /mnt/lms/drop"
        return
    yield "  conn_id: lms"
    yield "  directory: /inbound" if method == "sftp" else f"  endpoint: {ENDPOINTS[contract.sender]}"


def _yaml(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def example_file(profile: Profile) -> tuple[str, str]:
    """Return name and text of the LMS file of the invented learners; a packed file is unpacked."""
    from include.codebashing_lms.transform.context import RunContext
    from include.codebashing_lms.transform.run import transform  # loads pandas

    with scratch_folder() as folder:
        file, keys, snapshot = (folder / name for name in ("acme.yaml", "keys.csv", "snapshot.json"))
        file.write_text("\n".join(connector_lines(profile)), encoding="utf-8")
        snapshot.write_text(json.dumps([_learner(*one) for one in LEARNERS]), encoding="utf-8")
        with keys.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([("employee_id", "user_key"), *((one[0], f"u{one[0]}") for one in LEARNERS)])
        context = RunContext(
            run_id=None, triggered_by=None, params={}, logical_date=AS_OF, as_of=AS_OF, extracted_at=AS_OF,
            provenance="rendered", connector_sha256=sha256_of_connector(file),
        )  # fmt: skip
        summary = transform(read_connector(file), snapshot, None, folder / "out", context, lambda _: keys)
        return summary["file"], _text(folder / "out" / summary["file"])


def _text(path: Path) -> str:
    if path.suffix != ".zip":
        return path.read_bytes().decode()
    with ZipFile(path) as packed:
        [member] = packed.namelist()
        return packed.read(member).decode()


def _learner(employee_id: str, done: int, total: int, on: str | None) -> dict[str, Any]:
    return {
        "employee_id": employee_id,
        "email": f"{employee_id}@example.com",
        "last_active_at": "2026-11-22T10:00:00Z",
        "primary_course_name": "java",
        "primary_course_lessons_count": total,
        "primary_course_completed_lessons_count": done,
        "java.completed_date": on,
    }
