"""Folders and files of the staging area have their names from staging/layout.py, and from nowhere else."""

import ast

from include.codebashing_lms.staging import layout
from tests.paths import ROOT

SOURCES = [
    path
    for top in ("include", "plugins", "dags")
    for path in sorted((ROOT / top).rglob("*.py"))
    if path.name != "layout.py"
]
NAMES = {value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)}
FILES = {name for name in NAMES if "." in name}
FOLDERS = NAMES - FILES
TEMPLATES = {"get_template"}  # the template of report.html has the same name


def literals(path):
    """Give the names of the staging area that a module writes itself, with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr=function), args=[ast.Constant() as name]):
                if function in TEMPLATES:
                    name.value = None
            case ast.Constant(value=str(name)) if name in FILES:
                yield path.name, node.lineno, name
            case ast.BinOp(op=ast.Div(), right=ast.Constant(value=str(name))) if name in FOLDERS:
                yield path.name, node.lineno, name
            case ast.Attribute(ast.Attribute(ast.Attribute(_, "parent"), "parent"), "parent"):
                yield path.name, node.lineno, "parent.parent.parent"


def test_no_name_of_the_staging_area_stands_elsewhere():
    assert (len(FILES), len(FOLDERS)) == (14, 11)
    assert [found for path in SOURCES for found in literals(path)] == []


def test_a_literal_is_found(tmp_path):
    module = tmp_path / "module.py"
    module.write_text(
        'a = folder / "manifest.json"\nb = home / "runs"\nhome = folder.parent.parent.parent\n'
        'c = environment.get_template("report.html")\nd = {"refused": 1}\n'
    )
    assert sorted(line for _, line, _ in literals(module)) == [1, 2, 3]


def test_the_tree_of_the_docstring_names_all():
    for name in NAMES:
        assert name in layout.__doc__


def test_a_run_id_becomes_one_folder_name_of_bounded_length(tmp_path):
    date = layout.datetime(2026, 11, 23, 5, 15, 2, 123456, tzinfo=layout.UTC)
    folder = layout.run_folder(tmp_path, "acme", date, "manual__2026/../x", 1)
    assert folder.relative_to(tmp_path).as_posix() == ("acme/runs/20261123T051502.123456Z/manual__2026_.._x.1")
    long = layout.run_folder(tmp_path, "acme", date, "x" * 300, 0)
    assert len(long.name) < 150
    assert long != layout.run_folder(tmp_path, "acme", date, "x" * 301, 0)
    assert layout.home_of_run(long) == tmp_path / "acme"
