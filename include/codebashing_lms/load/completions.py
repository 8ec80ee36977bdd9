"""A completion that the LMS knows stands, with its first date."""

from collections import Counter
from datetime import tzinfo

import numpy as np
import pandas as pd

from include.codebashing_lms.transform.records.columns import DONE, STATUSES
from include.codebashing_lms.transform.records.dates import Dates

COMPLETED = STATUSES.index("completed")


def keep_completions(known: pd.DataFrame, zone: tzinfo, warnings: Counter[str]) -> pd.DataFrame:
    """Keep a completion that the LMS knows, with its first date.

    :param zone: time zone of the LMS: an instant and its day there are the same date.
    """
    stands = (known["ledger_status"] == COMPLETED).to_numpy()
    below = known["hundredths"].to_numpy() < DONE
    first_is_day = known["ledger_completed_is_day"].eq(True).to_numpy(dtype=np.bool_)
    first = Dates(known["ledger_completed_at"].to_numpy(), first_is_day)
    now = Dates.of(known, "completed")
    later = (now.at > first.at) & ~now.same_as(first, zone)
    again = stands & ~below & later
    warnings["fell_below_100"] += int((stands & below & ~known["older"]).sum())
    warnings["completed_again"] += int(again.sum())
    keeps_first = stands & (below | ~np.isnat(first.at))
    return known.assign(
        hundredths=np.where(stands, DONE, known["hundredths"]),
        status=np.where(stands, COMPLETED, known["status"]),
        started=np.where(stands, True, known["started"]),
        completed_at=np.where(keeps_first, first.at, now.at),
        completed_is_day=np.where(keeps_first, first.is_day, now.is_day),
    )
