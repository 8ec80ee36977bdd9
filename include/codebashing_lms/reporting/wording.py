"""The words that people read: reasons, warnings, provenance and numbers.

Learners come before records. A file that was dropped is not called delivered.
"""

from datetime import datetime

from include.codebashing_lms.dates import MONTHS
from include.codebashing_lms.transform.records.dispositions import OTHER, Disposition, Group, Reason

REASONS = {(one.meaning.group, one.reason): one.meaning for one in Disposition}

WARNINGS = {
    "source_looks_stale": "Nobody was active for a week before the reading: is Codebashing up to date?",
    "round_number_of_records": "A round number of learners was read: there may be more pages.",
    "next_page_hint": "The answer hints at a next page that was not read.",
    "course_not_in_snapshot": "No learner is on a course that the connector file lists.",
    "completed_exceeds_total": "More lessons are done than there are; counted as 100 %.",
    "percentage_over_100": "A percentage is over 100; counted as 100 %.",
    "completed_date_below_100": "A completion date of an unfinished course was left out.",
    "completed_date_after_reading": "A completion date after the reading was left out.",
    "invalid_completed_date": "A completion date is no date; left empty.",
    "invalid_last_active_at": "A last activity is no date; left empty.",
    "invalid_created_at": "The date of an account is no date; not used.",
    "fell_below_100": "Finished before and not any more; the completion that was sent stands.",
    "completed_again": "Finished a second time; the first date stands.",
    "crosswalk_blank": "Lines of the crosswalk lack an employee ID or a user key.",
    "crosswalk_unclear": "Lines of the crosswalk hold an invisible sign inside an ID or a user key.",
    "crosswalk_lost_zeros": "The crosswalk has employee IDs without their leading zeros, 42 for 0042.",
    "people_lost_zeros": "The people list gives employee IDs without their leading zeros, 42 for 0042.",
    "crosswalk_contradictory": "The crosswalk gives employees several user keys.",
    "crosswalk_shared": "The crosswalk gives several employees one user key.",
    "email_changed": "Known learners have a new e-mail address.",
    "completed_date_after_as_of": "A completion date after the as-of was left out.",
    "earlier_snapshot_not_comparable": "The answer read before that day could not be compared.",
}

PROVENANCE = {
    "live": "read live",
    "replayed": "read again from the archived answer",
    "reconstructed": "reconstructed: only what is certain about that day",
    "rendered": "rendered by hand",
}


def reason(name: str) -> Reason:
    """Return the meaning of a reason why learners are set aside."""
    return REASONS.get((Group.SET_ASIDE, name), OTHER)


def nothing_to_send(name: str) -> str:
    """Return why there is nothing to send for a withheld or merged record, in words."""
    known = REASONS.get((Group.WITHHELD, name)) or REASONS.get((Group.MERGED, name))
    return known.short if known else humanize(name)


def warning(name: str) -> str:
    """Return the sentence of a warning."""
    return WARNINGS.get(name, humanize(name))


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: 1 learner, 1,200 learners."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def humanize(name: str) -> str:
    """Return a name of ours without underscores, for a name that has no sentence of its own."""
    return name.replace("_", " ")


def on_day(at: datetime) -> str:
    """Return the day of an instant, in the time zone of the instant: 23 Nov 2026."""
    return f"{at.day} {MONTHS[at.month - 1][:3]} {at.year}"
