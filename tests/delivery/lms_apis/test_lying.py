"""An LMS with wrong answers anywhere: each is an error in our words, which quotes nothing of the answer."""

import json
import random
import traceback

import pytest

from include.codebashing_lms.delivery.factory import transport_for
from include.codebashing_lms.delivery.transport import OutboundFile, SupportsJobs
from include.codebashing_lms.errors import CodebashingLmsError
from tests.delivery.lms_apis.customers import LEARNERS
from tests.fakes.lrs import Lrs
from tests.fakes.stand_in import Answer
from tests.load.staged_run import connector

PERSON = "jane.doe@example.com"
LIES = [
    None, True, False, 0, -1, 1.5, 10**30, float("inf"), float("nan"), PERSON, "", "\ud800", "9" * 5000,
    [], {}, [[]], [None], [PERSON], {"id": None}, {"id": PERSON}, {PERSON: PERSON}, [{}], [{"id": []}],
]  # fmt: skip


class Liar:
    """Changes one value in many of a stand-in's answers."""

    def __init__(self, server, seed):
        self.rng, self.true = random.Random(seed), server.answer
        server.answer = self.answer

    def answer(self, request):
        answer = self.true(request)
        if self.rng.random() < 0.5:
            return answer
        try:
            document = [json.loads(answer.body)]
        except ValueError:
            document = [None]
        self._lie(document)
        status = self.rng.choice([answer.status] * 5 + [200, 201, 204, 207, 400, 404, 409])
        return Answer(status, json.dumps(document[0]).encode(), answer.headers)

    def _lie(self, node):
        """Change one thing somewhere below."""
        key = self.rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        below = node[key]
        if isinstance(below, dict | list) and below and self.rng.random() < 0.7:
            self._lie(below)
        elif isinstance(node, dict) and self.rng.random() < 0.3:
            del node[key]
        else:
            node[key] = self.rng.choice(LIES)


def shown_by(transport, outbound):
    """Make every call that a load makes of a transport; return the text of all errors."""
    text = ""
    for step in (transport.check, lambda: transport.send(outbound, resuming=False)):
        try:
            result = step()
            for _ in range(2):
                if isinstance(transport, SupportsJobs) and getattr(result, "job", None):
                    text += transport.job_status(result.job).sentence
        except CodebashingLmsError as error:
            text += "".join(traceback.format_exception(error))
    return text


@pytest.fixture
def lrs():
    with Lrs("adl") as server:
        yield server


@pytest.mark.parametrize("customer", ["store", "gradebook", "fusion", "course"])
def test_answers_that_lie(customer, request):
    servers = {"store": "lrs", "gradebook": "school", "fusion": "hcm", "course": "campus"}
    customer_run, stand_in = request.getfixturevalue(customer), request.getfixturevalue(servers[customer])
    customer_run.delivery |= {"deadline": 1, "timeout": 1}
    run = customer_run.stage(LEARNERS, 20)
    file = run.folder / run.transformed["file"]
    transport = transport_for(connector(customer_run.delivery, lms=customer_run.lms), customer_run.connection)
    seed_of = {"store": 1, "gradebook": 2, "fusion": 3, "course": 4}[customer]
    liar = Liar(stand_in, seed_of)
    for number in range(150):
        liar.rng = random.Random(f"{seed_of}.{number}")
        outbound = OutboundFile(file, file.name, file.stat().st_size, run.transformed["sha256"], f"key{number}")
        try:
            text = shown_by(transport, outbound)
        except Exception as error:
            raise AssertionError(f"answer {number} of {customer}") from error
        assert PERSON not in text
