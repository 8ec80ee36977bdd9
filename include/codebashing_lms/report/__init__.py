"""report.html: what a run means to an LMS administrator, in one file that needs no login and no network."""

from include.codebashing_lms.report.facts import Ended, facts_of
from include.codebashing_lms.report.page import page
from include.codebashing_lms.report.target import put_down

__all__ = ["Ended", "facts_of", "page", "put_down"]
