"""What a message says of a run that went through."""

from datetime import UTC, datetime

import pytest

from include.codebashing_lms.config.notifications import Notify
from include.codebashing_lms.reporting.alerts.message import alert_about, plain
from include.codebashing_lms.reporting.alerts.state import AlertState
from include.codebashing_lms.reporting.run_end import RunEnd
from tests.fakes.manifests import manifest


@pytest.mark.parametrize(
    ("refused", "known", "sentence"),
    [
        (1, 0, "The LMS refused 1 row: see refused.csv. The next run tries again."),
        (1200, 1199, "The LMS refused 1,200 rows (1 new, 1,199 known): see refused.csv."),
        (6, 6, "The LMS refused 6 rows (0 new, 6 known): see refused.csv."),
    ],
)
def test_a_message_says_how_many_refusals_are_new_and_how_many_were_known(refused, known, sentence):
    now = datetime(2026, 11, 23, 5, tzinfo=UTC)
    end = RunEnd("acme", "run1", now, manifest=manifest(), refused=refused, known_refusals=known)
    alert = alert_about(end, Notify(), AlertState(), [])
    assert alert is not None
    assert sentence in plain(alert)
