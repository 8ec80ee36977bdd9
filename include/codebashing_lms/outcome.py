"""outcome.json: how a run's load ended, in a sentence for people. Nothing is decided by it."""

import logging
from datetime import UTC, datetime

from include.codebashing_lms.dates import iso
from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging import StagedPath, write_json

log = logging.getLogger(__name__)

NAME = "outcome.json"
STOPPED = "stopped"


def note_outcome(folder: StagedPath, outcome: str, sentence: str) -> None:
    """Stage how load ended; that it cannot be staged is no reason to fail."""
    try:
        write_json(folder / NAME, {"outcome": outcome, "sentence": sentence, "at": iso(datetime.now(UTC))})
    except StagingError as error:
        log.warning("How load ended is not noted: %s", error)
