"""What people want to know of the runs, read from what is staged: small values for a page or a report.

`Runs` finds a connector's runs; each view has a module that makes them what it shows. Nothing is written.
"""

from include.codebashing_lms.pages.runs import Run, Runs

__all__ = ["Run", "Runs"]
