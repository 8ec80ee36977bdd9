"""The README says what the code says: every setting with its default, every reason, every message."""

import ast
import json
import re
from typing import Any

import pytest
import yaml
from msgspec import NODEFAULT, Struct, convert
from msgspec.structs import fields

from codebashing_lms_airflow.forms import admin_form, trigger_form
from include.codebashing_lms import errors
from include.codebashing_lms.admin.form import ACTION_NAMES
from include.codebashing_lms.config import delivery, delivery_results
from include.codebashing_lms.config.connector import Connector, parse_connector
from include.codebashing_lms.config.delivery import Pgp, SftpPgp
from include.codebashing_lms.config.files import VARIABLE
from include.codebashing_lms.config.lms import LmsSection
from include.codebashing_lms.config.profiles.profile import find_profile
from include.codebashing_lms.transform.records.dispositions import Disposition
from tests.paths import ROOT

README = (ROOT / "README.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in README.splitlines() if line[:1] == "|"]
DELIVERIES = (delivery.FolderDelivery, delivery.SftpDelivery, delivery.HttpDelivery)
# Defaults that the tables show in another form than JSON.
COLUMNS = "employee_id course_id percent_complete status completed_at"
SHOWN_OTHERWISE = {"columns": COLUMNS, "line_ending": r'"\r\n"'}


def settings(section: type[Struct], prefix: str = "") -> dict[str, Any]:
    """Return every dotted key of a section and of the sections in it, with its default."""
    found: dict[str, Any] = {}
    for field in fields(section):
        key, kind = prefix + field.encode_name, LmsSection if field.name == "lms" else field.type
        if isinstance(kind, type) and issubclass(kind, Struct):
            found |= settings(kind, f"{key}.")
        else:
            found[key] = field.default if field.default_factory is NODEFAULT else field.default_factory()
    return found


def shown(key: str, default: Any) -> str:
    if default is NODEFAULT:
        return "–"
    if key in SHOWN_OTHERWISE:
        return f"`{SHOWN_OTHERWISE[key]}`"
    if isinstance(default, Struct) or default == {}:
        return "`{}`"
    if isinstance(default, str):
        return f'`"{default}"`' if default.startswith("@") else f"`{default}`"
    text = json.dumps(default, default=str).strip('"')
    return f"`{re.sub(r'[.]0$', '', text)}`"


def row_of(key: str, default: Any) -> list[str]:
    return [row for row in ROWS if f"`{key}`" in row[:2] and shown(key, default) in row]


COMMON = {key: value for key, value in settings(Connector).items() if key != "delivery"}
SHARED = {f"delivery.{key}": value for key, value in settings(delivery.DeliveryBase).items()}


@pytest.mark.parametrize(("key", "default"), [*COMMON.items(), *SHARED.items()])
def test_every_key_of_the_connector_file_is_there_with_its_default(key, default):
    assert row_of(key, default), f"no row with `{key}` and {shown(key, default)}"


@pytest.mark.parametrize("model", DELIVERIES)
def test_every_key_of_a_delivery_is_there_with_its_default(model):
    own = {key: value for key, value in settings(model).items() if f"delivery.{key}" not in SHARED}
    assert [key for key, default in own.items() if not row_of(key, default)] == []


@pytest.mark.parametrize("model", [Pgp, SftpPgp])
def test_every_key_of_pgp_is_there_with_its_default(model):
    assert [key for key, default in settings(model, "pgp.").items() if not row_of(key, default)] == []


@pytest.mark.parametrize(
    ("model", "section"),
    [
        (delivery_results.Job, "job."),
        (delivery_results.HttpResults, "results."),
        (delivery_results.FileResults, "results."),
    ],
)
def test_every_key_of_jobs_and_results_is_there_with_its_default(model, section):
    assert [key for key, default in settings(model, section).items() if not row_of(key, default)] == []


@pytest.mark.parametrize(("key", "default"), settings(find_profile("generic_csv").options_type).items())
def test_every_option_of_generic_csv_is_there_with_its_default(key, default):
    assert row_of(key, default), f"no row with `{key}` and {shown(key, default)}"


@pytest.mark.parametrize("reason", sorted({disposition.reason for disposition in Disposition} - {"emitted"}))
def test_every_reason_is_explained(reason):
    assert f"`{reason}`" in README


def test_every_warning_is_explained():
    sources = [path.read_text() for path in (ROOT / "include").rglob("*.py")]
    names = {name for text in sources for name in re.findall(r'warnings\["(\w+)"\] ', text)}
    assert len(names) >= 5
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_every_field_of_the_form_and_every_variable_is_there():
    titles = {param.schema["title"] for param in trigger_form().values()}
    rows = " ".join(row[0] for row in ROWS)
    assert {title for title in titles if title.lower() not in rows.lower()} == set()
    assert f"`{VARIABLE}`" in rows
    assert "`CODEBASHING_LMS_STAGING`" in rows


def test_every_action_and_field_of_the_admin_dag_is_there():
    section = README.partition("## The admin DAG")[2].partition("\n## ")[0]
    titles = {param.schema["title"] for param in admin_form(["acme"]).values()}
    assert {title for title in titles if f"**{title}**" not in section} == set()
    assert {action for action in ACTION_NAMES if f"| `{action}` |" not in section} == set()


def texts_of_the_code() -> str:
    """Return all strings of the code, one per line, without the values in f-strings."""
    files = [path for folder in ("include", "plugins") for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_every_message_of_the_troubleshooting_table_is_one_of_ours():
    table = README.partition("## Troubleshooting")[2].partition("\n## ")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `") or line.startswith("| …")]
    quoted = [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]
    pieces = [piece for message in quoted for piece in re.split("…", message) if piece.strip(" .:,")]
    texts = texts_of_the_code()
    assert len(pieces) > 20
    assert [piece for piece in pieces if piece.strip() not in texts] == []


def test_every_class_of_failure_is_in_the_right_row():
    classes = [
        one for one in vars(errors).values() if isinstance(one, type) and errors.CodebashingLmsError in one.__mro__[1:]
    ]
    rows = [row for row in ROWS if "Error`" in row[0]]
    for one in classes:
        [row] = [row for row in rows if f"`{one.__name__}`" in row[0]]
        assert ("three times" in row[1]) == one.retryable


def test_the_examples_are_valid():
    whole, columns = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert parse_connector(yaml.safe_load(whole)).delivery.hold
    options = find_profile("generic_csv").options_type
    assert len(convert(yaml.safe_load(columns), options).columns) == 4


@pytest.mark.parametrize("page", ["README.md", "docs/promises.md"])
def test_every_test_that_holds_a_promise_is_there(page):
    text = (ROOT / page).read_text()
    links = re.findall(r"\[(tests/[\w/]+\.py)::(test_\w+)\]\(([^)]+)\)", text)
    assert len(links) > 10
    assert text.count("::test_") == len(links)
    for path, name, link in links:
        assert ((ROOT / page).parent / link).resolve() == ROOT / path
        assert f"\ndef {name}(" in (ROOT / path).read_text(), f"{path} has no {name}"
