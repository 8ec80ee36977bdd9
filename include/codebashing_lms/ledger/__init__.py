"""What the LMS was told: a journal that only grows, and its summary, the ledger.

<staging>/<connector>/ledger/<destination>/
    destination.json           who the LMS is
    journal/000001.parquet     one immutable entry per delivery or observation
    versions/000001.parquet    the last word per learner and course after it

An entry and a version each appear whole, under a number that only one writer gets. The journal is the truth:
every version can be folded from it again. Both have their rows in the order of the buckets that their
employees are in, see buckets.py, so that no task needs all of them in memory.
"""

from include.codebashing_lms.errors import LedgerMovedError
from include.codebashing_lms.ledger.book import Journal, append, entries, open_ledger
from include.codebashing_lms.ledger.destinations import (
    destination_folder,
    ledger_folder,
    ledgers,
    other_destinations,
)
from include.codebashing_lms.ledger.folding import Ledger
from include.codebashing_lms.ledger.upkeep import purge, rebuild, roll_back

__all__ = [
    "Journal",
    "Ledger",
    "LedgerMovedError",
    "append",
    "destination_folder",
    "entries",
    "ledger_folder",
    "ledgers",
    "open_ledger",
    "other_destinations",
    "purge",
    "rebuild",
    "roll_back",
]
