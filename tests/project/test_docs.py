"""The pages about deployment and operation: no class of failure is missing, no link leads nowhere."""

import re

import pytest

from include.codebashing_lms import errors
from tests.paths import ROOT

PAGES = [ROOT / "docs" / "operations.md", *sorted((ROOT / "docs" / "deployments").glob("*.md"))]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), f"{target}#{anchor}"


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_leads_to_every_deployment():
    readme = (ROOT / "README.md").read_text()
    missing = [page.name for page in PAGES if str(page.relative_to(ROOT)) not in readme]
    assert missing == []
