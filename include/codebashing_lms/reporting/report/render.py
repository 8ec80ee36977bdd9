"""From content to HTML."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from include.codebashing_lms.reporting.report.content import ReportContent
from include.codebashing_lms.reporting.wording import plural

templates = Environment(
    loader=PackageLoader("include.codebashing_lms.reporting.report", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)


def _address(email: str) -> Markup:
    return Markup("<wbr>@").join(email.split("@")) if email else Markup("–")


def render_report(content: ReportContent) -> str:
    """Return the report as one HTML document: no script, nothing to load."""
    return templates.get_template("report.html").render(report=content)


templates.filters |= {
    "plural": plural,
    "number": lambda count: f"{count:,}",
    "address": _address,
    "upper_first": lambda text: text[:1].upper() + text[1:],
}
