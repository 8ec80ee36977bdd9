"""docs/alerts.md quotes only messages of the code."""

import re

from tests.paths import ROOT
from tests.project.test_readme import texts_of_the_code

VARIABLE = r"…|acme|slack|smtp|90|missing_employee_id|learners|rows|load | \(new\)|, "
MESSAGES = re.compile(r"^\| `([^`]+)`", re.MULTILINE)


def test_every_message_it_explains_is_one_of_ours():
    quoted = MESSAGES.findall((ROOT / "docs" / "alerts.md").read_text())
    pieces = [piece.strip(" .:,()%") for message in quoted for piece in re.split(VARIABLE, message)]
    texts = texts_of_the_code()
    assert len(quoted) > 12
    assert [piece for piece in pieces if piece and piece not in texts] == []
