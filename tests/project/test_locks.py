"""Each Airflow minor has a lock: for its newest patch, within its constraints, with all that we require."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.paths import ROOT

LOCKS = {
    "3.1": ["locks/airflow-3.1.lock", "locks/airflow-3.1-dev.lock"],
    "3.2": ["locks/airflow-3.2.lock"],
    "3.3": ["requirements.lock", "requirements-dev.lock"],
}
EVERY_LOCK = [(minor, lock) for minor, locks in LOCKS.items() for lock in locks]


def requirements(name):
    """Return the requirements in a file, by their names."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return {one.name.lower(): one for one in (Requirement(line) for line in lines if line)}


def pinned(lock):
    """Return the versions that a lock pins by name; several where they depend on the platform."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {name: {Version(version) for other, version in pins if other == name} for name, _ in pins}


@pytest.mark.parametrize(("minor", "lock"), EVERY_LOCK)
def test_a_lock_is_for_its_airflow_and_has_all_that_is_required(minor, lock):
    pins = pinned(lock)
    assert {f"{one.major}.{one.minor}" for one in pins["apache-airflow"]} == {minor}
    for name, needed in requirements("requirements.txt").items():
        assert all(needed.specifier.contains(version) for version in pins[name]), name


@pytest.mark.parametrize(("minor", "lock"), [one for one in EVERY_LOCK if one[0] != "3.3"])
def test_a_lock_keeps_within_the_constraints_of_its_airflow(minor, lock):
    pins = pinned(lock)
    for name, held in requirements(f"locks/constraints-{minor}.txt").items():
        for version in pins.get(name, ()):
            assert held.specifier.contains(version), f"{name} {version} is not {held.specifier}"


@pytest.mark.parametrize(("minor", "lock"), EVERY_LOCK)
def test_every_pin_has_a_checksum(minor, lock):
    text = (ROOT / lock).read_text()
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(("lock", "of"), [(locks[1], locks[0]) for locks in LOCKS.values() if len(locks) > 1])
def test_the_tests_run_on_what_is_shipped(lock, of):
    tested, shipped = pinned(lock), pinned(of)
    assert {name: versions for name, versions in tested.items() if name in shipped} == shipped
