"""IDs and user keys as people and systems write them: without the signs that nobody sees.

A zero-width space, a byte order mark or a no-break space comes along when an ID is copied. The LMS would look
for another person.
"""

from unicodedata import category

# signs without a picture that Python counts as printable: fillers, variation selectors
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, range(0xFE00, 0xFE10))
)
SPREADSHEET_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")


def clean_id(text: str) -> str:
    """Return an ID without blanks and invisible signs around it; a formula that failed is no ID."""
    if text.isascii():
        text = text.strip()
        return "" if text in SPREADSHEET_ERRORS else text
    seen = [at for at, sign in enumerate(text) if not (sign.isspace() or sign in BLANK or category(sign) == "Cf")]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def is_clean_id(text: str) -> bool:
    """Return whether every sign of an ID can be seen, a plain space inside included."""
    return text.isprintable() and BLANK.isdisjoint(text)
