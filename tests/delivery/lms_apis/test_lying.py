"""An LMS whose answers lie, wherever: it is an error in our words, and nothing of it is quoted."""

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
    """Changes what a stand-in says, in one place of many an answer."""

    def __init__(self, server, seed):
        self.rng, self.true = random.Random(seed), server.answer
        server.answer = self.answer

    def answer(self, request):
        said = self.true(request)
        if self.rng.random() < 0.5:
            return said
        try:
            document = [json.loads(said.body)]
        except ValueError:
            document = [None]
        self._lie(document)
        status = self.rng.choice([said.status] * 5 + [200, 201, 204, 207, 400, 404, 409])
        return Answer(status, json.dumps(document[0]).encode(), said.headers)

    def _lie(self, place):
        """Change one thing somewhere below."""
        key = self.rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        below = place[key]
        if isinstance(below, dict | list) and below and self.rng.random() < 0.7:
            self._lie(below)
        elif isinstance(place, dict) and self.rng.random() < 0.3:
            del place[key]
        else:
            place[key] = self.rng.choice(LIES)


def told(transport, outbound):
    """Do all that a load does with a way; return the words of what went wrong."""
    words = ""
    for step in (transport.check, lambda: transport.send(outbound, resuming=False)):
        try:
            handed = step()
            for _ in range(2):
                if isinstance(transport, SupportsJobs) and getattr(handed, "job", None):
                    words += transport.job_status(handed.job).sentence
        except CodebashingLmsError as error:
            words += "".join(traceback.format_exception(error))
    return words


@pytest.fixture
def lrs():
    with Lrs("adl") as server:
        yield server


@pytest.mark.parametrize("customer", ["store", "gradebook", "fusion", "course"])
def test_answers_that_lie(customer, request):
    servers = {"store": "lrs", "gradebook": "school", "fusion": "hcm", "course": "campus"}
    it, stand_in = request.getfixturevalue(customer), request.getfixturevalue(servers[customer])
    it.delivery |= {"deadline": 1, "timeout": 1}
    run = it.stage(LEARNERS, 20)
    file = run.folder / run.transformed["file"]
    transport = transport_for(connector(it.delivery, lms=it.lms), it.connection)
    seed_of = {"store": 1, "gradebook": 2, "fusion": 3, "course": 4}[customer]
    liar = Liar(stand_in, seed_of)
    for number in range(150):
        liar.rng = random.Random(f"{seed_of}.{number}")
        outbound = OutboundFile(
            file, file.name, file.stat().st_size, run.transformed["sha256"], f"key{number}"
        )
        try:
            words = told(transport, outbound)
        except Exception as error:
            raise AssertionError(f"answer {number} of {customer}") from error
        assert PERSON not in words
