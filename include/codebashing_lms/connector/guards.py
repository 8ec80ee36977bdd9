"""Limits beyond which nothing is sent."""

from include.codebashing_lms.sections import NonNegativeInt, Percent, Section

IN_WORDS = {
    "min_learners": "Enough learners were read",
    "max_set_aside_percent": "Not too many learners set aside",
    "max_missing_id_percent": "Not too many learners without an employee ID",
    "max_drop_percent": "Not many fewer learners than last time",
    "max_fall_percent": "Not many learners whose progress fell",
}


class Guards(Section, frozen=True, kw_only=True):
    """Limits beyond which a run fails before anything is sent; null switches one off."""

    min_learners: NonNegativeInt | None = 1
    max_set_aside_percent: Percent | None = 25
    max_missing_id_percent: Percent | None = None
    max_drop_percent: Percent | None = 20
    max_fall_percent: Percent | None = 5
