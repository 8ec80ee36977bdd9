"""Stand-ins for LMSs, and a customer of each."""

import pytest
import tenacity

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http import client as client
from include.codebashing_lms.delivery.lms_apis import oracle_hdl
from tests.delivery.lms_apis.customers import Customer
from tests.delivery.lms_apis.outbound_files import basic
from tests.fakes.canvas import TOKEN as CANVAS_TOKEN
from tests.fakes.canvas import Assignment, Canvas
from tests.fakes.lrs import Lrs
from tests.fakes.moodle import TOKEN, Item, Moodle
from tests.fakes.oracle import BASE, Oracle


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait between tries only as long as a server asks for."""
    monkeypatch.setattr(client, "BACK_OFF", tenacity.wait_none())


@pytest.fixture(params=["adl", "ralph"])
def lrs(request):
    with Lrs(request.param) as server:
        yield server


@pytest.fixture
def store(lrs, tmp_path) -> Customer:
    options = {"home_page": "https://hr.example.com", "activities": "https://lms.example.com/courses/"}
    lms = {"profile": "xapi", "options": options}
    return Customer(tmp_path, lms, {"endpoint": "/xapi"}, basic(lrs.url))


@pytest.fixture
def school():
    with Moodle() as server:
        server.users = [{"id": 100 + number, "idnumber": f"E{number}"} for number in (1, 2, 3)]
        server.courses = [{"id": 7, "idnumber": "CB-JAVA"}]
        server.items = {42: Item(7, most=10.0)}
        yield server


@pytest.fixture
def gradebook(school, tmp_path) -> Customer:
    courses = {"java": {"id": "CB-JAVA", "activity_id": 42}}
    lms = {"profile": "moodle_grades_ws", "options": {"points": 10}, "course_map": courses}
    endpoint = {"endpoint": "/webservice/rest/server.php"}
    return Customer(tmp_path, lms, endpoint, HttpConnection(school.url, password=TOKEN))


@pytest.fixture
def hcm(monkeypatch):
    monkeypatch.setattr(oracle_hdl, "SECONDS_BETWEEN_POLLS", 0.01)
    with Oracle() as server:
        yield server


@pytest.fixture
def fusion(hcm, tmp_path) -> Customer:
    options = {"effective_start_date": "2025-03-01", "start_date": "2025-03-02"}
    lms = {"profile": "oracle_hdl", "options": options, "course_map": {"java": {"id": "CB-JAVA"}}}
    return Customer(tmp_path, lms, {"endpoint": BASE}, basic(hcm.url))


@pytest.fixture
def campus():
    with Canvas() as server:
        server.assignments["7", "42"] = Assignment({"sis_user_id:E1", "sis_user_id:E2"})
        yield server


@pytest.fixture
def course(campus, tmp_path) -> Customer:
    courses = {"java": {"id": "7", "assignment_id": "42"}, "net": {"id": "8", "assignment_id": "43"}}
    lms = {"profile": "canvas_grades", "course_map": courses}
    return Customer(tmp_path, lms, {"endpoint": "/api/v1"}, HttpConnection(campus.url, password=CANVAS_TOKEN))
