"""Every module can be imported on the Airflow that runs the tests; `make test-oldest` has the oldest one."""

import importlib
import pkgutil

import codebashing_lms_airflow
import include.codebashing_lms


def test_every_module_can_be_imported():
    packages = (codebashing_lms_airflow, include.codebashing_lms)
    names = [
        one.name for package in packages for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    assert len(names) > 100
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    importlib.import_module("codebashing_lms_plugin")
