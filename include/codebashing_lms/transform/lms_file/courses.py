"""The courses of a snapshot: a number for each, and what the course map makes of it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from include.codebashing_lms.config.course_map import Course, CourseMap
from include.codebashing_lms.transform.records.columns import NOT_TEXT, Ints
from include.codebashing_lms.transform.records.dispositions import Disposition

# numbers of no course: the source does not name it, names none, or names it by no text
UNNAMED, NONE, NO_SLUG = -1, -2, -3


@dataclass
class Courses:
    """The courses met so far, by slug: the name that Codebashing gives to a course."""

    course_map: CourseMap
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, slug: str) -> int:
        """Return the course's number, a new one for a new course."""
        return self.numbers.setdefault(slug, len(self.numbers))

    @property
    def slugs(self) -> list[str]:
        """Return the slugs in the order of their numbers."""
        return list(self.numbers)

    def entry(self, slug: str) -> Course | None:
        """Return the course of the LMS; None for an ignored or unmapped slug, and for one that is no text."""
        unmapped = None if NOT_TEXT in slug else Course(id=slug)
        entry = self.course_map.get(slug) if self.course_map else unmapped
        return entry if isinstance(entry, Course) else None

    def lms_ids(self) -> list[str]:
        """Return the LMS's id for each course number, blank where the course is not sent."""
        return [entry.id if (entry := self.entry(slug)) else "" for slug in self.numbers]

    def dispositions(self) -> Ints:
        """Return EMITTED, IGNORED_COURSE or UNMAPPED_COURSE for each course number."""
        return np.array([self._disposition(slug) for slug in self.numbers], dtype=np.int64)

    def _disposition(self, slug: str) -> Disposition:
        if self.entry(slug):
            return Disposition.EMITTED
        return Disposition.IGNORED_COURSE if slug in self.course_map else Disposition.UNMAPPED_COURSE


def course_texts(texts: list[str], numbers: Ints) -> npt.NDArray[np.object_]:
    """Return each record's text.

    :param texts: one for each course number.
    :param numbers: course numbers of records; a record that names no course has a blank text.
    """
    return np.array([*texts, ""], dtype=object)[np.where(numbers < 0, len(texts), numbers)]
