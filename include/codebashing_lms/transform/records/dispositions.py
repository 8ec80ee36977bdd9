"""What becomes of a record: one table of all reasons, those of transform and those of load.

A new reason is one entry here, a row in the README and a test. Guards, counts, lists, page, report, alerts
and metrics read this table.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any


class Group(StrEnum):
    """Where a record ends: `read = emitted + withheld + set_aside + merged`."""

    EMITTED = "emitted"  # a row of the LMS file
    WITHHELD = "withheld"  # nothing to send now, nobody has to act
    SET_ASIDE = "set_aside"  # a person has to act
    MERGED = "merged"  # a better record of the same learner is sent


class Actor(StrEnum):
    """Who can do something about a reason."""

    IDENTITY = "Identity team"
    LMS = "LMS administrator"
    COURSE_MAP = "Owner of the course map"
    VENDOR = "Codebashing support"
    NOBODY = ""


@dataclass(frozen=True)
class Reason:
    """What a disposition means to people.

    :param short: words after a number of learners; for a withheld record, words after "Nothing to send:".
    :param remedy: what the actor can do, in sentences for page, report and alerts.
    :param detail: what the actor can do, for a line of set_aside.csv.
    :param singular: words about one learner, where `short` without its "have" does not fit.
    :param counted_as: the reason in manifest and lists, where it is not the name of the disposition.
    :param of_learner: the fault is the learner's, so that it concerns all records of the learner.
    :param by_load: load decides it with the ledger, transform does not.
    """

    group: Group
    actor: Actor = Actor.NOBODY
    short: str = ""
    remedy: str = ""
    detail: str = ""
    singular: str = ""
    counted_as: str = ""
    of_learner: bool = False
    by_load: bool = False

    @property
    def of_one(self) -> str:
        """Return the words about one learner."""
        return self.singular or self.short.removeprefix("have ")


def _withheld(short: str, **more: Any) -> Reason:
    return Reason(Group.WITHHELD, short=short, **more)


def _set_aside(actor: Actor, short: str, remedy: str, detail: str, **more: Any) -> Reason:
    return Reason(Group.SET_ASIDE, actor, short, remedy, detail, **more)


OTHER = _set_aside(Actor.LMS, "were set aside", "See the detail in set_aside.csv.", "")


class Disposition(IntEnum):
    """What becomes of one record. Columns hold the number; transform tries its reasons in that order."""

    meaning: Reason

    def __new__(cls, number: int, meaning: Reason = OTHER) -> "Disposition":
        """Make a member out of its number and its meaning."""
        disposition = int.__new__(cls, number)
        disposition._value_ = number
        disposition.meaning = meaning
        return disposition

    # fmt: off
    EMITTED = 0, Reason(Group.EMITTED, short="rows for the LMS")
    DUPLICATE = 13, Reason(Group.MERGED, short="the same learner twice; the better record counts")

    EXCLUDED = 2, _withheld("the people list excludes them")
    NO_COURSE = 8, _withheld("no course is assigned")
    IGNORED_COURSE = 9, _withheld("the course map ignores the course")
    UNMAPPED_COURSE_AT_ZERO = 10, _withheld(
        "the course is not in the map, and was not begun", counted_as="unmapped_course")
    BELOW_THRESHOLD = 16, _withheld("not finished, and the LMS takes completions only")
    UNKNOWN_AT_AS_OF = 15, _withheld("what was true on that day is not known for certain")
    NOT_YET_A_USER = 14, _withheld("the account was made later")
    TOO_RECENT = 20, _withheld(
        "finished today; the LMS takes dates before today, so it goes with tomorrow's run")
    UNCHANGED = 21, _withheld("the LMS knows this already", by_load=True)
    BEFORE_START = 22, _withheld("the LMS knows this already", counted_as="unchanged", by_load=True)
    STALE = 23, _withheld("the LMS was sent something newer since", by_load=True)
    REFUSED_WAITING = 24, _withheld("the LMS refused them; the next run tries again", by_load=True)

    NOT_AN_OBJECT = 1, _set_aside(
        Actor.VENDOR, "could not be read at all",
        "Report it to Codebashing support: an entry of the answer is no user.",
        "this entry of the snapshot is no JSON object; report it to Codebashing support",
        singular="not an object", of_learner=True)
    MISSING_EMPLOYEE_ID = 3, _set_aside(
        Actor.IDENTITY, "have no employee ID",
        "Ask your identity team to send the employee ID as a SAML attribute; it arrives when the learner "
        "signs in to Codebashing the next time.",
        "no employee ID arrived; ask the identity team to send the SAML attribute, then the learner signs in "
        "once", of_learner=True)
    INVALID_EMPLOYEE_ID = 4, _set_aside(
        Actor.IDENTITY, "have an employee ID that cannot be one",
        "Ask your identity team what the SAML attribute really sends: it breaks the pattern, is no text, "
        "or is just the e-mail address.",
        "the employee ID does not fit identity.pattern, is no text, or is the e-mail address; ask the "
        "identity team what the SAML attribute sends", of_learner=True)
    INVALID_EMAIL = 5, _set_aside(
        Actor.IDENTITY, "have an e-mail address that cannot be one",
        "Ask your identity team to correct the address: it is no text or holds a control character.",
        "the e-mail address is no text or holds a control character; correct it at the source",
        of_learner=True)
    INVALID_COUNT = 6, _set_aside(
        Actor.VENDOR, "have a lesson count that cannot be one",
        "Report it to Codebashing support: a number of lessons is negative, a fraction or no number.",
        "a lesson count is no whole number from 0 up; report it to Codebashing support")
    INVALID_PERCENTAGE = 7, _set_aside(
        Actor.VENDOR, "have a percentage that cannot be one",
        "Report it to Codebashing support: a percentage is negative or no number.",
        "the percentage is negative or no number; report it to Codebashing support")
    UNMAPPED_COURSE = 11, _set_aside(
        Actor.COURSE_MAP, "are on a course the map does not name",
        "Give the course its LMS ID in the course map (lms.course_map), or write ignore.",
        "the course is not in lms.course_map; give its LMS id there, or ignore",
        singular="the course is not in the course map")
    CONFLICTING_EMPLOYEE_ID = 12, _set_aside(
        Actor.IDENTITY, "share an employee ID with somebody else",
        "Ask your identity team whose ID it is; until then the people list (identity.people) can decide it.",
        "several e-mail addresses claim this employee ID; ask the identity team whose it is",
        singular="several people claim this employee ID", of_learner=True)
    MISSING_COMPLETED_DATE = 17, _set_aside(
        Actor.VENDOR, "finished without a completion date",
        "Ask Codebashing support for the completion date that the LMS needs.",
        "finished, but without the completion date that the LMS needs; ask Codebashing support for it")
    UNMAPPED_USER = 18, _set_aside(
        Actor.LMS, "are not known to the LMS by a user key",
        "Add the employee ID with the LMS's user key to the crosswalk (identity.crosswalk).",
        "identity.crosswalk has no user key of the LMS for this employee ID, several, or one that is "
        "somebody else's, too; complete it",
        singular="the LMS's user key is not known", of_learner=True)
    INVALID_VALUE = 19, _set_aside(
        Actor.LMS, "have a value the LMS cannot read",
        "Correct it at the source or in the course map: set_aside.csv says which value is blank, too long or "
        "holds a sign that the LMS's file cannot.",
        "a value that the LMS cannot read: blank, too long, or with a sign that its file or the file's "
        "encoding cannot hold; correct it at the source or in lms.course_map")
    CHANGED_IDENTITY = 25, _set_aside(
        Actor.IDENTITY, "may have become somebody else",
        "Ask HR whether ID or address moved to another person, then put the answer into the people list "
        "(identity.people).",
        "the LMS knows this e-mail address or this employee ID as another person; ask HR, and put the answer "
        "into identity.people", of_learner=True, by_load=True)
    REFUSED = 26, _set_aside(
        Actor.LMS, "were refused by the LMS",
        "Look up the LMS's reason in refused.csv and correct user or course there; the next run tries again.",
        "the LMS refused this row three times: {reason}; correct it there, the course map, the crosswalk or "
        "identity.people, or have it sent again by the action resend of the admin DAG",
        singular="the LMS refused it", by_load=True)
    # fmt: on

    @property
    def reason(self) -> str:
        """Return the reason that stands in manifest and lists."""
        return self.meaning.counted_as or self.name.lower()


def of_group(group: Group) -> tuple[Disposition, ...]:
    """Return the dispositions of a group."""
    return tuple(disposition for disposition in Disposition if disposition.meaning.group is group)


_, WITHHELD, SET_ASIDE, MERGED = (of_group(group) for group in Group)
