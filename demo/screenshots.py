"""make screenshots: takes the pictures in docs/screenshots, of a company after sixty days of runs.

Apart from them it writes only to .screenshots/, which may be removed at any time.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from demo.airflow_processes import AirflowProcesses, airflow
from demo.codebashing import Codebashing
from demo.environment import ROOT, set_environment
from demo.history import Company, stage_history
from demo.ui import answer, free_port, say, settings
from include.codebashing_lms.config.files import read_connector, sha256_of_connector

HOME = ROOT / ".screenshots"
PICTURES = ROOT / "docs" / "screenshots"
DAG = "codebashing_lms_acme"
TAB = f"/dags/{DAG}/plugin/codebashing_lms_dag"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
RUNS, LEARNERS, MAPPED = 60, 480, 45
START_TIMEOUT = 180  # seconds


def main() -> None:
    """Stage the history, start Airflow, take the pictures."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    with Codebashing() as source:
        set_environment(HOME, source)
        url, password = f"http://127.0.0.1:{free_port()}", secrets.token_urlsafe(9)
        os.environ |= settings(url, password, HOME / "passwords.json")
        os.environ["CODEBASHING_LMS_CONNECTORS"] = str(HOME)
        say(f"Staging {RUNS} runs of {LEARNERS} invented learners")
        email = stage()
        for command in (("db", "migrate"), ("dags", "reserialize")):
            subprocess.run(airflow(*command), capture_output=True, check=True)
        say("Starting Airflow's web server")
        with AirflowProcesses(HOME, ("api-server",)):
            cookie = wait_for_login(url, password)
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
                take_pictures(Camera(chromium, url, cookie), email)


def stage() -> str:
    """Stage the history; return the address of a learner who got an employee ID during that time."""
    drop = HOME.relative_to(ROOT) / "lms-inbox"
    drop.mkdir()
    course_map = yaml.safe_load((ROOT / "demo" / "connectors" / "demo.yaml").read_text())["lms"]["course_map"]
    content = {
        "name": "acme",
        "schedule": None,
        "source": {"conn_id": "codebashing"},
        "guards": {"max_set_aside_percent": None, "max_missing_id_percent": None},
        "lms": {"course_map": course_map},
        "delivery": {"method": "folder", "directory": str(drop)},
    }
    path = HOME / "acme.yaml"
    path.write_text(yaml.safe_dump(content))
    today = datetime.now(UTC).replace(hour=5, minute=15, second=2, microsecond=0)
    company = Company(LEARNERS, today - timedelta(days=RUNS), today - timedelta(days=MAPPED))
    without_id = [person for person in company.people if not person["has_id"]]
    history = stage_history(read_connector(path), sha256_of_connector(path), HOME / "staging", company, RUNS)
    for outcome in history:
        assert outcome.kind in ("delivered", "nothing_to_send"), outcome
    return str(next(one["email"] for one in without_id[20:] if one["has_id"] and one["completed"]))


def wait_for_login(url: str, password: str) -> str:
    """Wait until the admin can log in; return the cookie."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        token = answer(f"{url}/auth/token", {"username": "admin", "password": password}).get("access_token")
        if token:
            return str(token)
        time.sleep(1)
    sys.exit(f"Airflow did not start; its log is in {HOME.relative_to(ROOT)}/.")


class Camera:
    """Takes pictures of pages, logged in as the admin."""

    def __init__(self, chromium: Browser, url: str, cookie: str) -> None:
        self.chromium, self.url, self.cookie = chromium, url, cookie

    def page(self, width: int, height: int, scheme: Any = "light") -> Page:
        """Return an empty page of this size."""
        context = self.chromium.new_context(
            base_url=self.url, viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.add_cookies([{"name": "_token", "value": self.cookie, "url": self.url}])
        context.set_default_timeout(60_000)
        return context.new_page()

    def save(self, page: Page, name: str) -> None:
        """Save a picture in docs/screenshots."""
        page.wait_for_timeout(1500)
        page.screenshot(path=PICTURES / f"{name}.png")
        page.context.close()
        say(f"  {(PICTURES / name).relative_to(ROOT)}.png")


def take_pictures(camera: Camera, email: str) -> None:
    """Take all pictures.

    :param email: the learner on the page about one learner.
    """
    PICTURES.mkdir(exist_ok=True)
    inside = camera.page(1280, 1160)
    inside.goto(TAB)
    inside.frame_locator("iframe").locator("svg.plot").first.wait_for()
    camera.save(inside, "overview")
    for name, path, width, height, scheme in (
        ("to-do", "/todo", 1100, 800, "light"),
        ("employee-ids", "/readiness", 1100, 860, "dark"),
        ("phone", "", 390, 800, "dark"),
    ):
        page = camera.page(width, height, scheme)
        page.goto(f"/codebashing_lms/dags/{DAG}{path}")
        camera.save(page, name)
    run = camera.page(1100, 1000)
    run.goto(f"/codebashing_lms/dags/{DAG}/runs")
    run.locator("tbody a").first.click()
    camera.save(run, "run")
    learner = camera.page(1100, 900)
    learner.goto(f"/codebashing_lms/dags/{DAG}/learner")
    learner.fill("input[name=who]", email)
    learner.keyboard.press("Enter")
    learner.locator(".timeline li").first.wait_for()
    camera.save(learner, "learner")
    form = camera.page(1280, 1250)
    form.goto(f"/dags/{DAG}")
    form.get_by_role("button", name="Trigger").first.click()
    form.locator("input[name=element_dry_run]").wait_for(state="attached")
    camera.save(form, "trigger-form")


if __name__ == "__main__":
    main()
