"""Who may import whom, checked on the source itself: the table of docs/architecture.md as code."""

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import include.codebashing_lms
from include.codebashing_lms.errors import CodebashingLmsError
from tests.paths import ROOT

PACKAGE = "include.codebashing_lms"
OURS = ("include", "plugins", "dags", "demo", "tests")
HEAVY = {"pandas", "numpy", "pyarrow", "paramiko"}
HOOKS = {"airflow.providers.http.hooks", "airflow.providers.sftp.hooks", "airflow.providers.ssh.hooks"}

LONGEST_MODULE = 200
MOST_ENTRIES = 14

# A package of include, and what it may import of include besides itself: `a.b` allows only that part of `a`.
BASE = {"errors", "dates"}
FILES = BASE | {"staging", "streaming"}
CONFIG = FILES | {"config", "config.profiles"}
STEPS = CONFIG | {"connections.model", "transform.records", "transform.manifest", "transform.lists"}
TABLE = {
    "errors": set(),
    "dates": {"errors"},
    "staging": BASE,
    "streaming": BASE | {"staging"},
    "config.schema": BASE,
    "config.profiles": BASE | {"config.schema"},
    "config": BASE | {"staging", "config.schema", "config.profiles"},
    "connections": BASE | {"staging"},
    "extract": CONFIG | {"connections"},
    "transform.records": set(),
    "transform.decode": CONFIG | {"transform.records"},
    "transform.lms_file": CONFIG | {"transform.records"},
    "transform.rules": CONFIG | {"transform.records", "transform.decode", "transform.lms_file"},
    "transform": CONFIG | {"transform.records", "transform.decode", "transform.lms_file", "transform.rules"},
    "delivery": CONFIG | {"connections"},
    "ledger": CONFIG,
    "load": STEPS | {"delivery", "ledger", "transform.guards", "transform.lms_file", "transform.rows_file"},
    "reporting": STEPS | {"load", "ledger", "delivery"},
    "admin": STEPS | {"load", "ledger", "delivery.results", "extract.snapshots"},
    "cli": STEPS | {"ledger", "transform"},
}
# Parts of one package that serve different readers: each stands alone.
STRANGERS = ("reporting.views", "reporting.report", "reporting.alerts")


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


def module_of(path: Path) -> str:
    """The name of a module below include.codebashing_lms."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix(f"{PACKAGE}.")


@cache
def module_graph() -> dict[str, set[str]]:
    """Every module of include.codebashing_lms with the modules of ours that it imports, also in functions.

    A package defines nothing, so importing from a package means importing one of its modules.
    """
    paths = {module_of(path): path for path in sources("include/codebashing_lms") if not path.name.startswith("__")}
    return {
        module: {
            name
            for one in within(anywhere(path), {PACKAGE})
            if (name := one.removeprefix(f"{PACKAGE}.")) in paths and name != module
        }
        for module, path in paths.items()
    }


def package_of(module: str) -> str:
    """The row of TABLE that a module belongs to."""
    rows = [row for row in TABLE if module == row or module.startswith(f"{row}.")]
    assert rows, f"{module} is in no row of the table: add its package there and to docs/architecture.md"
    return max(rows, key=len)


def is_allowed(module: str, row: str) -> bool:
    """Whether a row of TABLE may import a module; its package does not cover a part with a row of its own."""
    package = package_of(module)
    return package in (row, *TABLE[row]) or any(
        module == one or module.startswith(f"{one}.") for one in TABLE[row] if one.count(".") >= 1
    )


def test_every_import_between_packages_is_in_the_table():
    refused = {
        (module, other)
        for module, others in module_graph().items()
        for other in others
        if not is_allowed(other, package_of(module))
    }
    assert sorted(refused) == []


def test_a_forbidden_import_is_refused():
    assert not is_allowed("load.run", "delivery")
    assert not is_allowed("transform.run", "load")
    assert not is_allowed("transform.decode.values", "load")
    assert not is_allowed("delivery.folder", "admin")
    assert not is_allowed("config.connector", "config.schema")
    assert is_allowed("transform.records.dispositions", "load")
    assert is_allowed("delivery.results", "admin")


def test_there_is_no_circle_between_packages():
    graph = {row: {package_of(one.split("|")[0]) for one in TABLE[row]} - {row} for row in TABLE}
    actual: dict[str, set[str]] = {row: set() for row in graph}
    for module, others in module_graph().items():
        actual[package_of(module)] |= {package_of(other) for other in others} - {package_of(module)}
    for edges in (graph, actual):
        TopologicalSorter(edges).prepare()


def test_there_is_no_circle_between_modules():
    TopologicalSorter(module_graph()).prepare()


def test_a_circle_is_found():
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def test_views_report_and_alerts_stand_alone():
    seen = {
        (module, other)
        for module, others in module_graph().items()
        for other in others
        for one in STRANGERS
        if module.startswith(one)
        if other.startswith(STRANGERS) and not other.startswith(one)
    }
    assert sorted(seen) == []


def test_no_module_is_longer_than_a_reader_holds_in_mind():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for folder in ("include", "plugins", "dags")
        for path in sources(folder)
    }
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_the_first_screen_stays_short():
    top = [entry.name for entry in (ROOT / "include/codebashing_lms").iterdir() if entry.name != "__pycache__"]
    assert len([name for name in top if not name.startswith("__")]) <= MOST_ENTRIES


def packages() -> list[Path]:
    return [path for folder in ("include", "plugins") for path in sources(folder) if path.name == "__init__.py"]


def test_a_package_defines_nothing_and_loads_no_pandas():
    for path in packages():
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        others = [
            node
            for node in tree.body[1:]
            if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("__all__", "__version__"))
        ]
        assert [type(node).__name__ for node in others] in ([], ["ImportFrom"] * len(others)), path
        assert within(on_import(path), HEAVY) == set(), path


def test_a_package_lists_all_that_is_in_it():
    """Its docstring is the table of contents that a stranger reads first."""
    for path in packages():
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        inside = [
            entry.stem
            for entry in path.parent.iterdir()
            if entry.suffix == ".py" or (entry / "__init__.py").exists()
            if not entry.name.startswith("__")
        ]
        if path.parent != ROOT / "include":
            assert [name for name in inside if name not in text] == [], path


def test_include_knows_nothing_of_airflow_plugins_and_demo():
    outside = {"airflow", "codebashing_lms_airflow", "plugins", "dags", "demo", "tests"}
    assert offenders("include", outside, lazily=True) == {}


def test_plugins_leave_pandas_to_include():
    assert offenders("plugins", {"pandas", "numpy", "pyarrow"}, lazily=True) == {}
    assert offenders("plugins", {"demo", "dags", "tests"}, lazily=True) == {}


def test_parsing_a_dag_file_loads_nothing_heavy():
    assert offenders("dags", HEAVY | HOOKS, lazily=False) == {}


def test_extract_needs_no_pandas():
    assert offenders("include/codebashing_lms/extract", {"pandas"}, lazily=True) == {}


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
