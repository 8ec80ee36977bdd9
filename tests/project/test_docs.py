"""Every document: links and names of files lead somewhere; the runbook has every class of failure."""

import re

import pytest

from include.codebashing_lms import errors
from include.codebashing_lms.staging import layout
from tests.paths import ROOT
from tests.project.test_architecture import TABLE

OPERATIONS = [ROOT / "docs" / "operations.md", *sorted((ROOT / "docs" / "deployments").glob("*.md"))]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MODULE = re.compile(r"`((?:\w+/)*\w+\.py)`")


def test_the_runbook_has_every_class_of_failure():
    classes = {
        name
        for name, one in vars(errors).items()
        if isinstance(one, type)
        and issubclass(one, errors.CodebashingLmsError)
        and one is not errors.CodebashingLmsError
    }
    runbook = (ROOT / "docs" / "operations.md").read_text().partition("## Runbook")[2]
    assert set(re.findall(r"^\| `(\w+Error)` \|", runbook, re.MULTILINE)) == classes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_module_that_is_named_exists(page):
    folders = ("include", "plugins", "dags", "demo", "bench", "deployments", "tests")
    modules = [f"/{path.relative_to(ROOT)}" for folder in folders for path in (ROOT / folder).rglob("*.py")]
    named = set(MODULE.findall(page.read_text()))
    assert {name for name in named if not any(module.endswith(f"/{name}") for module in modules)} == set()


def anchors(page):
    """Return the anchors of a page's headings, as GitHub generates them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_leads_to_every_deployment():
    readme = (ROOT / "README.md").read_text()
    missing = [page.name for page in OPERATIONS if str(page.relative_to(ROOT)) not in readme]
    assert missing == []


def test_the_tree_of_a_staging_area_is_the_one_of_the_code():
    tree = (layout.__doc__ or "").split("\n\n", 1)[1].strip()
    assert f"```\n{tree}\n```" in (ROOT / "docs/architecture.md").read_text()


def test_the_table_of_imports_names_every_package():
    text = (ROOT / "docs/architecture.md").read_text()
    assert [row for row in TABLE if row not in text] == []
