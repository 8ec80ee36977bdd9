"""From content to HTML."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from include.codebashing_lms.reporting.report.content import ReportContent
from include.codebashing_lms.reporting.wording import plural


@cache
def _template() -> Template:
    loader = PackageLoader("include.codebashing_lms.reporting.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "plural": plural,
        "number": lambda count: f"{count:,}",
        "address": _address,
        "upper_first": lambda text: text[:1].upper() + text[1:],
    }
    return environment.get_template("report.html")


def _address(email: str) -> Markup:
    """Return an e-mail address that may be broken before its @, on a narrow screen."""
    return Markup("<wbr>@").join(email.split("@")) if email else Markup("–")


def render_report(content: ReportContent) -> str:
    """Return the report as one HTML document: no script, nothing to load."""
    return _template().render(report=content)
