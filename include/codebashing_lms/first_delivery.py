"""The first delivery to a destination, which may need a word from a person.

A file of completions may hold years of training that the LMS has already, and of an LMS that took another
one's place nobody knows what it knows: both stop once and ask.
"""

from datetime import datetime

from include.codebashing_lms.comparison import Summary
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.errors import FirstDeliveryError
from include.codebashing_lms.ledger import Ledger, entries, other_destinations
from include.codebashing_lms.staging import StagedPath

ANSWER = (
    "Trigger the DAG codebashing_lms_admin with the action first_delivery, a reason and one answer: all, "
    "since a date, or baseline with an export of the LMS (CSV employee_id,course,completed_at)."
)


def stop_before_the_first(home: StagedPath, connector: Connector, ledger: Ledger, summary: Summary) -> None:
    """Raise FirstDeliveryError where nobody has said yet what a first delivery shall hold."""
    if not ledger.is_empty:
        return
    others = other_destinations(home, connector)
    if others:
        raise FirstDeliveryError(
            f"The destination changed: so far this connector told {'; '.join(others)}. "
            f"What the new one knows is not known. Nothing was sent. {ANSWER}"
        )
    contract = connector.lms.contract
    if (contract.emits == "completion" or contract.appends) and summary.sent:
        oldest = f", the oldest of {summary.oldest:%Y-%m-%d}" if summary.oldest else ""
        raise FirstDeliveryError(
            f"This first delivery would send {summary.sent} completions{oldest}, and the LMS may "
            f"have some of them already. Nothing was sent. {ANSWER}"
        )


def answered_since(book: StagedPath) -> datetime | None:
    """Return the date from which on completions are sent, if that was the answer to the first delivery."""
    journal = entries(book)
    since = journal[-1].get("since") if journal else None
    return parse_instant(since) if since else None
