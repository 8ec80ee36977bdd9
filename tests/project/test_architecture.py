"""The rules of CONTRIBUTING.md about what may import what, checked on the source itself."""

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import include.codebashing_lms
from include.codebashing_lms.errors import CodebashingLmsError
from tests.paths import ROOT

OURS = ("include", "plugins", "dags", "demo", "tests")
HEAVY = {"pandas", "numpy", "pyarrow", "paramiko"}
HOOKS = {"airflow.providers.http.hooks", "airflow.providers.sftp.hooks", "airflow.providers.ssh.hooks"}


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} holds no Python file: this test would prove nothing"
    return found


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    """Every module that the nodes import, by `from a import b` both a and a.b."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def anywhere(path: Path) -> set[str]:
    return imported(ast.walk(ast.parse(path.read_text())))


def on_import(path: Path) -> set[str]:
    """What a file imports as soon as it is loaded: everything that is not inside a function."""

    def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield child
                yield from outside_functions(child)

    return imported(outside_functions(ast.parse(path.read_text())))


def within(names: set[str], packages: set[str]) -> set[str]:
    return {name for name in names if any(name == one or name.startswith(f"{one}.") for one in packages)}


def offenders(folder: str, packages: set[str], *, lazily: bool) -> dict[str, set[str]]:
    look = anywhere if lazily else on_import
    found = {str(path.relative_to(ROOT)): within(look(path), packages) for path in sources(folder)}
    return {path: names for path, names in found.items() if names}


def test_include_knows_nothing_of_airflow_plugins_and_demo():
    outside = {"airflow", "codebashing_lms_airflow", "plugins", "dags", "demo", "tests"}
    assert offenders("include", outside, lazily=True) == {}


def test_plugins_leave_pandas_to_include():
    assert offenders("plugins", {"pandas", "numpy", "pyarrow"}, lazily=True) == {}
    assert offenders("plugins", {"demo", "dags", "tests"}, lazily=True) == {}


def test_parsing_a_dag_file_loads_nothing_heavy():
    assert offenders("dags", HEAVY | HOOKS, lazily=False) == {}


def test_no_dag_file_imports_another():
    dag_files = {path.stem for path in sources("dags")} | {"dags"}
    assert offenders("dags", dag_files, lazily=True) == {}


@pytest.mark.parametrize("folder", OURS)
def test_imports_are_absolute(folder):
    relative = {path: {n for n in anywhere(path) if n.startswith(".")} for path in sources(folder)}
    assert {path: names for path, names in relative.items() if names} == {}


@pytest.mark.parametrize("folder", OURS)
def test_nobody_changes_the_import_path(folder):
    touched = [
        path.name
        for path in sources(folder)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "path"
        if isinstance(node.value, ast.Name) and node.value.id == "sys"
    ]
    assert touched == []


@pytest.mark.parametrize("folder", ["plugins", "dags"])
def test_no_module_takes_the_name_of_a_standard_one(folder):
    """Airflow loads these folders by bare file names."""
    tops = {path.relative_to(ROOT / folder).parts[0].removesuffix(".py") for path in sources(folder)}
    assert tops & sys.stdlib_module_names == set()


def test_every_module_of_include_says_what_it_is():
    silent = [p.name for p in sources("include") if not ast.get_docstring(ast.parse(p.read_text()))]
    assert silent == []


def modules() -> Iterator[object]:
    prefix = include.codebashing_lms.__name__ + "."
    for found in pkgutil.walk_packages(include.codebashing_lms.__path__, prefix):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def test_every_error_of_ours_is_a_codebashing_lms_error():
    ours = {
        one
        for module in modules()
        for _, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__.startswith("include.") and issubclass(one, BaseException)
    }
    assert CodebashingLmsError in ours
    assert [error.__name__ for error in ours if not issubclass(error, CodebashingLmsError)] == []
    assert [error.__name__ for error in ours if not error.__doc__] == []


@pytest.mark.parametrize(
    "entry", ["dags", "plugins", "include", "tests", "requirements.txt", "docker-compose.yaml", "README.md"]
)
def test_the_layout_people_expect_is_there(entry):
    assert (ROOT / entry).exists()
