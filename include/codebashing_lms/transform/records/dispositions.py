"""What becomes of a record: emitted, or one of the reasons why not, in the order in which they are tried."""

from enum import IntEnum


class Disposition(IntEnum):
    """One record's fate; its number is what columns hold."""

    EMITTED = 0
    NOT_AN_OBJECT = 1
    EXCLUDED = 2
    MISSING_EMPLOYEE_ID = 3
    INVALID_EMPLOYEE_ID = 4
    INVALID_EMAIL = 5
    INVALID_COUNT = 6
    INVALID_PERCENTAGE = 7
    NO_COURSE = 8
    IGNORED_COURSE = 9
    UNMAPPED_COURSE_AT_ZERO = 10
    UNMAPPED_COURSE = 11
    CONFLICTING_EMPLOYEE_ID = 12
    DUPLICATE = 13
    NOT_YET_A_USER = 14
    UNKNOWN_AT_AS_OF = 15
    BELOW_THRESHOLD = 16
    MISSING_COMPLETED_DATE = 17
    UNMAPPED_USER = 18
    INVALID_VALUE = 19
    TOO_RECENT = 20

    @property
    def reason(self) -> str:
        """Return the word for people and manifests."""
        return "unmapped_course" if self is Disposition.UNMAPPED_COURSE_AT_ZERO else self.name.lower()


WITHHELD = (
    Disposition.EXCLUDED,
    Disposition.NO_COURSE,
    Disposition.IGNORED_COURSE,
    Disposition.UNMAPPED_COURSE_AT_ZERO,
    Disposition.BELOW_THRESHOLD,
    Disposition.UNKNOWN_AT_AS_OF,
    Disposition.NOT_YET_A_USER,
    Disposition.TOO_RECENT,
)
MERGED = (Disposition.DUPLICATE,)
SET_ASIDE = tuple(
    disposition for disposition in Disposition if disposition not in (Disposition.EMITTED, *WITHHELD, *MERGED)
)

D = Disposition
REMEDY = {
    D.NOT_AN_OBJECT: "this entry of the snapshot is no JSON object; report it to Codebashing support",
    D.MISSING_EMPLOYEE_ID: "no employee ID arrived; ask the identity team to send the SAML attribute, "
    "then the learner signs in once",
    D.INVALID_EMPLOYEE_ID: "the employee ID does not fit identity.pattern, is no text, or is the e-mail "
    "address; ask the identity team what the SAML attribute sends",
    D.INVALID_EMAIL: "the e-mail address is no text or holds a control character; correct it at the source",
    D.INVALID_COUNT: "a lesson count is no whole number from 0 up; report it to Codebashing support",
    D.INVALID_PERCENTAGE: "the percentage is negative or no number; report it to Codebashing support",
    D.UNMAPPED_COURSE: "the course is not in lms.course_map; give its LMS id there, or ignore",
    D.CONFLICTING_EMPLOYEE_ID: "several e-mail addresses claim this employee ID; "
    "ask the identity team whose it is",
    D.MISSING_COMPLETED_DATE: "finished, but without the completion date that the LMS needs; "
    "ask Codebashing support for it",
    D.UNMAPPED_USER: "identity.crosswalk has no user key of the LMS for this employee ID, several, or one "
    "that is somebody else's, too; complete it",
    D.INVALID_VALUE: "a value that the LMS cannot read: blank, too long, or with a sign that its file "
    "cannot hold; correct it at the source or in lms.course_map",
}
