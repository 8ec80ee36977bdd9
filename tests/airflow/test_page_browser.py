"""A real browser in a real Airflow: what admins and viewers see, a search, a download, a dry run by form."""

import json
import re
import shutil
from pathlib import Path

import pytest

from demo.codebashing import Codebashing
from tests.airflow.installation import Installation, environment_of, to_codebashing, wait_for

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DAG = "codebashing_lms_acme"
NAV, TAB = "/plugin/codebashing_lms", f"/dags/{DAG}/plugin/codebashing_lms_dag"
TIMEOUT = 120_000  # milliseconds: the machines of CI are slow
TALL = {"width": 1200, "height": 1600}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, company_of_five_runs):
    """Run a whole Airflow on SQLite, over the staging area of five runs and the stand-in for Codebashing."""
    home = tmp_path_factory.mktemp("browser") / "airflow"
    home.mkdir()
    with Codebashing(recent=True) as source:
        more = {
            **environment_of(company_of_five_runs, codebashing=to_codebashing(source)),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,vera:viewer",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "2",
        }
        it = Installation(home, f"sqlite:///{home}/airflow.db?timeout=60", False, more)
        try:
            it.prepare()
            wait_for(lambda: it.ask(f"dags/{DAG}").get("dag_id"), 120)
            yield it
        finally:
            it.stop()


@pytest.fixture(scope="module")
def chromium():
    """Start the browser once."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def known(airflow, chromium):
    """Log everybody in once, by Airflow's form; return what a browser remembers of it."""
    passwords, cookies = json.loads((airflow.home / "passwords.json").read_text()), {}
    for name in ("admin", "vera"):
        context = chromium.new_context(base_url=airflow.url)
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        page.goto("/auth/login")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", passwords[name])
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "login" not in url)
        cookies[name] = context.storage_state()
        context.close()
    return cookies


@pytest.fixture
def log_in(airflow, chromium, known):
    """Return a function that gives a page to somebody; none may break its own security policy."""
    contexts, complaints = [], []

    def note(message):
        if "Content Security" in message.text:
            complaints.append(message.text)

    def logged_in(name: str, **options):
        context = chromium.new_context(base_url=airflow.url, viewport=TALL, storage_state=known[name], **options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        page.on("console", note)
        return page

    yield logged_in
    for context in contexts:
        context.close()
    assert complaints == []


def framed(page, address: str):
    """Open a page of Airflow; return our page in its frame."""
    page.goto(address)
    return page.frame_locator("iframe")


def view(frame, name: str) -> None:
    frame.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


def heading(frame, text: str) -> None:
    frame.get_by_role("heading", name=text, level=1).wait_for()


def test_an_admin_opens_every_view(log_in):
    page = log_in("admin")
    frame = framed(page, NAV)
    heading(frame, "Codebashing → LMS")
    assert "Nothing has run yet." in frame.locator(".card", has_text="fresh").inner_text()
    frame.get_by_role("link", name="acme").click()
    heading(frame, "acme")
    assert frame.locator("svg.plot").count() == 3
    assert "5 readings" not in frame.locator("main").inner_text()  # the dry run read, too
    assert "6 readings" in frame.locator("main").inner_text()
    view(frame, "Runs")
    heading(frame, "Runs")
    assert frame.locator("tbody tr").count() == 6
    frame.locator("tbody tr").nth(1).get_by_role("link").click()
    heading(frame, "Run of 23 Nov 2026")
    assert "Dropped" in frame.locator("main").inner_text()
    view(frame, "To do")
    heading(frame, "To do")
    assert "@example.com" in frame.locator("main").inner_text()
    view(frame, "Employee IDs")
    heading(frame, "Employee IDs")
    assert "Active since it was mapped, still none" in frame.locator("main").inner_text()


def test_an_admin_downloads_who_was_set_aside(log_in, company_of_five_runs):
    page = log_in("admin")
    frame = framed(page, TAB)
    view(frame, "Runs")
    frame.locator("tbody tr").nth(1).get_by_role("link").click()
    file = frame.get_by_role("link", name="Learners set aside")
    file.wait_for()
    if frame.locator(".own-tab").first.is_visible():  # Airflow 3.1: a frame must not download
        page.goto(frame.locator(".own-tab code").first.inner_text())
        file = page.get_by_role("link", name="Learners set aside")
    with page.expect_download() as expected:
        file.click()
    [staged] = (company_of_five_runs / "staging/acme/runs").glob("20261123T050000*/*/set_aside.csv")
    assert expected.value.suggested_filename == "set_aside.csv"
    assert Path(expected.value.path()).read_bytes() == staged.read_bytes()


def test_an_admin_finds_a_learner(log_in, company_of_five_runs):
    row = max((company_of_five_runs / "drop" / "acme").iterdir()).read_text().splitlines()[1]
    employee_id = row.split(",")[0]
    frame = framed(log_in("admin"), TAB)
    view(frame, "Find a learner")
    frame.get_by_label("E-mail address or employee ID").fill(f" {employee_id} ")
    frame.get_by_role("button", name="Search").click()
    frame.locator(".timeline li").first.wait_for()
    answer = frame.locator("main").inner_text()
    assert "Sent to the LMS" in answer
    assert "@example.com" in answer


def test_a_viewer_sees_counts_and_nobody(log_in):
    page = log_in("vera")
    frame = framed(page, TAB)
    heading(frame, "acme")
    for name, title in (("Runs", "Runs"), ("To do", "To do"), ("Employee IDs", "Employee IDs")):
        view(frame, name)
        heading(frame, title)
        assert "@" not in frame.locator("main").inner_text()
    view(frame, "Find a learner")
    heading(frame, "Why is this learner not there?")
    assert "needs the right to trigger" in frame.locator("main").inner_text()
    assert frame.get_by_role("button", name="Search").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_airflows_theme_and_fits_a_phone(log_in, scheme):
    page = log_in("vera", color_scheme=scheme)
    frame = framed(page, TAB)
    heading(frame, "acme")
    root = frame.locator("html")
    assert root.get_attribute("data-theme") == scheme
    page.evaluate("document.documentElement.classList.replace('light', 'dark')")
    frame.locator("html[data-theme=dark]").wait_for()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"/codebashing_lms/dags/{DAG}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_reaches_everything(log_in):
    page = log_in("admin")
    page.goto(f"/codebashing_lms/dags/{DAG}/todo")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(document.activeElement.innerText || '').split('\\n')[0].trim()"))
    assert {"To the content", "Overview", "Find a learner", "Export everybody as CSV", "Who"} <= reached


def test_a_dry_run_by_the_form_shows_what_would_be_sent(airflow, log_in):
    page = log_in("admin")
    page.goto(f"/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    page.locator("input[name=element_dry_run]").wait_for(state="attached")
    page.locator("label", has=page.locator("input[name=element_dry_run]")).last.click()
    page.fill("input[name=dagRunId]", "by_the_form") if page.locator("input[name=dagRunId]").is_visible() else None
    with page.expect_response(re.compile(r"/api/v2/dags/[^/]+/dagRuns$")) as triggered:
        in_3_1 = page.get_by_role("dialog").get_by_role("button", name="Trigger")
        page.get_by_test_id("trigger-dag-submit").or_(in_3_1).last.click()
    run_id = triggered.value.json()["dag_run_id"]
    assert triggered.value.json()["conf"]["dry_run"] is True
    state = wait_for(lambda: final_state(airflow, run_id), 240)
    assert state == "success"
    frame = framed(page, f"/dags/{DAG}/runs/{run_id.replace('+', '%2B')}/plugin/codebashing_lms_run")
    frame.locator(".badge").first.wait_for()
    shown = frame.locator("main").inner_text()
    assert "Dry run" in shown
    assert "was not sent: this is a dry run" in shown
    assert "by admin" in shown


def final_state(airflow, run_id: str) -> str | None:
    state = airflow.ask(f"dags/{DAG}/dagRuns/{run_id.replace('+', '%2B')}").get("state")
    return state if state in ("success", "failed") else None
