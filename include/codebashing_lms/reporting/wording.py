"""The words people read: what a reason means, who can do something about it, and what.

Learners come before records, and nothing is called delivered that was only dropped.
"""

from dataclasses import dataclass
from datetime import datetime

from include.codebashing_lms.dates import MONTHS

IDENTITY, LMS, COURSE_MAP, VENDOR = (
    "Identity team",
    "LMS administrator",
    "Owner of the course map",
    "Codebashing support",
)
ACTORS = (IDENTITY, LMS, COURSE_MAP, VENDOR)


@dataclass(frozen=True)
class Reason:
    """Why learners were set aside.

    :param short: the reason in a few words, after a number of learners.
    :param actor: who can do something about it.
    :param remedy: what, in one sentence.
    """

    short: str
    actor: str
    remedy: str


SET_ASIDE = {
    "missing_employee_id": Reason(
        "have no employee ID",
        IDENTITY,
        "Ask your identity team to send the employee ID as a SAML attribute; it arrives when the learner "
        "signs in to Codebashing the next time.",
    ),
    "invalid_employee_id": Reason(
        "have an employee ID that cannot be one",
        IDENTITY,
        "Ask your identity team what the SAML attribute really sends: it breaks the pattern, is no text, "
        "or is just the e-mail address.",
    ),
    "conflicting_employee_id": Reason(
        "share an employee ID with somebody else",
        IDENTITY,
        "Ask your identity team whose ID it is; until then the people list (identity.people) can settle it.",
    ),
    "changed_identity": Reason(
        "may have become somebody else",
        IDENTITY,
        "Ask HR whether ID or address moved to another person, then put the answer into the people list "
        "(identity.people).",
    ),
    "invalid_email": Reason(
        "have an e-mail address that cannot be one",
        IDENTITY,
        "Ask your identity team to correct the address: it is no text or holds a control character.",
    ),
    "unmapped_user": Reason(
        "are not known to the LMS by a user key",
        LMS,
        "Add the employee ID with the LMS's user key to the crosswalk (identity.crosswalk).",
    ),
    "refused": Reason(
        "were refused by the LMS",
        LMS,
        "Look up the LMS's reason in refused.csv and correct user or course there; the next run tries again.",
    ),
    "invalid_value": Reason(
        "have a value the LMS cannot read",
        LMS,
        "Correct it at the source or in the course map: set_aside.csv says which value is blank, too long or "
        "holds a sign that the LMS's file cannot.",
    ),
    "unmapped_course": Reason(
        "are on a course the map does not name",
        COURSE_MAP,
        "Give the course its LMS ID in the course map (lms.course_map), or write ignore.",
    ),
    "not_an_object": Reason(
        "could not be read at all",
        VENDOR,
        "Report it to Codebashing support: an entry of the answer is no user.",
    ),
    "invalid_count": Reason(
        "have a lesson count that cannot be one",
        VENDOR,
        "Report it to Codebashing support: a number of lessons is negative, a fraction or no number.",
    ),
    "invalid_percentage": Reason(
        "have a percentage that cannot be one",
        VENDOR,
        "Report it to Codebashing support: a percentage is negative or no number.",
    ),
    "missing_completed_date": Reason(
        "finished without a completion date",
        VENDOR,
        "Ask Codebashing support for the completion date that the LMS needs.",
    ),
}
UNFORESEEN = Reason("were set aside", LMS, "See the detail in set_aside.csv.")

NOTHING_TO_SEND = {
    "unchanged": "the LMS knows this already",
    "stale": "the LMS was told something newer since",
    "excluded": "the people list excludes them",
    "no_course": "no course is assigned",
    "ignored_course": "the course map ignores the course",
    "unmapped_course": "the course is not in the map, and was not begun",
    "below_threshold": "not finished, and the LMS takes completions only",
    "too_recent": "finished today; the LMS takes dates before today, so it goes with tomorrow's run",
    "unknown_at_as_of": "what was true on that day cannot be told for certain",
    "not_yet_a_user": "the account was made later",
    "refused_waiting": "the LMS refused them; the next run tries again",
}

WARNINGS = {
    "source_looks_stale": "Nobody was active for a week before the reading: is Codebashing up to date?",
    "round_number_of_records": "A round number of learners was read: there may be more pages.",
    "next_page_hint": "The answer hints at a next page that was not read.",
    "course_not_in_snapshot": "A course listed in the connector file is nobody's.",
    "completed_exceeds_total": "More lessons are done than there are; counted as 100 %.",
    "percentage_over_100": "A percentage is over 100; counted as 100 %.",
    "completed_date_below_100": "A completion date of an unfinished course was left out.",
    "completed_date_after_reading": "A completion date after the reading was left out.",
    "invalid_completed_date": "A completion date is no date; left empty.",
    "invalid_last_active_at": "A last activity is no date; left empty.",
    "fell_below_100": "Finished before and not any more; the completion the LMS was told stands.",
    "completed_again": "Finished a second time; the first date stands.",
    "crosswalk_blank": "Lines of the crosswalk lack an employee ID or a user key.",
    "crosswalk_contradictory": "The crosswalk gives employees several user keys.",
    "crosswalk_shared": "The crosswalk gives several employees one user key.",
    "email_changed": "Known learners have a new e-mail address.",
    "completed_date_after_as_of": "A completion date after the day told was left out.",
    "earlier_snapshot_not_comparable": "The answer read before that day could not be compared.",
}

PROVENANCE = {
    "live": "read live",
    "replayed": "told again from the archived answer",
    "reconstructed": "reconstructed: only what is certain about that day",
    "rendered": "rendered by hand",
}


def reason(name: str) -> Reason:
    """Return what a reason of setting aside means."""
    return SET_ASIDE.get(name, UNFORESEEN)


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: 1 learner, 1,200 learners."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def humanize(name: str) -> str:
    """Return a name of ours without underscores, for what has no sentence of its own."""
    return name.replace("_", " ")


def on_day(at: datetime) -> str:
    """Return a day in UTC as people write it: 23 Nov 2026."""
    return f"{at.day} {MONTHS[at.month - 1][:3]} {at.year}"
