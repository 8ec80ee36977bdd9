"""Every profile has a page in docs/profiles, with a connector file that can be copied."""

import re

import pytest
import yaml

from include.codebashing_lms.__main__ import main
from include.codebashing_lms.config.profiles.profile import find_profile, profile_files
from tests.paths import ROOT

PAGES = ROOT / "docs" / "profiles"
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [(page.stem, text) for page in sorted(PAGES.glob("*.md")) for text in BLOCK.findall(page.read_text())]
CONNECTORS = [(page, text) for page, text in BLOCKS if text.startswith("name: ")]


def test_every_profile_has_a_page_with_a_connector_file():
    assert {page for page, _ in CONNECTORS} == set(profile_files())
    index = (PAGES / "README.md").read_text()
    assert [name for name in profile_files() if f"[`{name}`]({name}.md)" not in index] == []


@pytest.mark.parametrize(("page", "text"), CONNECTORS)
def test_a_connector_file_can_be_copied(page, text, tmp_path, capsys):
    content = yaml.safe_load(text)
    assert content["lms"]["profile"] == page
    file = tmp_path / f"{content['name']}.yaml"
    file.write_text(text, encoding="utf-8")
    assert main(["check", str(file)]) == 0, capsys.readouterr().err


def test_the_example_of_an_own_profile_is_valid(tmp_path):
    [text] = [text for page, text in BLOCKS if text.startswith("id: ")]
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "trainhub.yaml").write_text(text, encoding="utf-8")
    assert find_profile("trainhub", tmp_path).settings["tenant"].required


@pytest.mark.parametrize("name", sorted(profile_files()))
def test_a_page_names_no_option_that_is_not_there(name):
    text = (PAGES / f"{name}.md").read_text()
    named = set(re.findall(r"`options\.(\w+)", text))
    assert named <= set(find_profile(name).all_settings)


@pytest.mark.parametrize("name", sorted(set(profile_files()) - {"generic_csv"}))
def test_headings_every_page_has(name):
    text = (PAGES / f"{name}.md").read_text()
    headings = [line.partition(" on a ")[0] for line in re.findall(r"^## (.*)$", text, re.MULTILINE)]
    assert headings[0].startswith("In ")
    required = ["What is certain", "What to confirm", "Sources"]
    assert [heading for heading in headings if heading in required] == required


DATES_WITHOUT_OFFSET = [
    "cornerstone_external_training", "oracle_hdl", "sap_sf_learning_history", "totara_course_completion",
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(profile_files()) - {"generic_csv"}))
def test_connector_files_name_the_time_zone_of_dates_without_an_offset(name, capsys):
    [page] = [yaml.safe_load(text) for page, text in CONNECTORS if page == name]
    assert main(["profiles", name]) == 0
    example = capsys.readouterr().out.partition("A connector file to copy:")[2]
    assert ("\n  timezone: " in example) is (name in DATES_WITHOUT_OFFSET)
    assert ("timezone" in page["lms"]) is (name in DATES_WITHOUT_OFFSET)


@pytest.mark.parametrize("name", DATES_WITHOUT_OFFSET)
def test_pages_say_what_a_missing_offset_means(name):
    text = " ".join((PAGES / f"{name}.md").read_text().split())
    assert "`lms.timezone`" in text
    assert "a time of Codebashing's without an offset is UTC." in text.replace("A time", "a time")


def test_reason_of_oracles_example_is_one_of_oracles_own():
    oracles = {f"ORA_SPEC_COMPLT_{name}" for name in ("ELSEWHERE", "HIGH_CERT", "OFFLINE")}
    setting = find_profile("oracle_hdl").settings["reason_code"]
    assert setting.example in oracles
    for text in ((PAGES / "oracle_hdl.md").read_text(), setting.where):
        assert set(re.findall(r"ORA_SPEC_COMPLT_\w+", text)) == oracles
