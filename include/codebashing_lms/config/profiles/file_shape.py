"""How rows become the bytes of an LMS file, and which texts such a file cannot hold."""

import codecs
from typing import Annotated, Literal

from msgspec import Meta

from include.codebashing_lms.config.schema.field_types import Delimiter, Encoding, Section, Text

Months = Annotated[list[Text], Meta(min_length=12, max_length=12)]


class FileShape(Section, frozen=True, kw_only=True):
    """How rows become bytes.

    :param quoting: `minimal` and `all` put values into quotes. `none` writes values as they are; it sets a
        record aside when a value holds the delimiter, a line break or one of `forbidden`. `escape` replaces
        texts by `escapes`. `statements` is the JSON of xAPI.
    :param backslash_escapes: the LMS reads a backslash as an escape, and would swallow the sign after it;
        a value that ends in a backslash, or has one before a quote, is set aside.
    :param months: names of the months for `%b` and `%B`; null: English.
    """

    header: bool = True
    delimiter: Delimiter = ","
    quoting: Literal["minimal", "all", "none", "escape", "statements"] = "minimal"
    escapes: dict[str, str] = {}
    forbidden: list[str] = []
    backslash_escapes: bool = False
    line_ending: Text = "\r\n"
    encoding: Encoding = "utf-8"
    bom: bool = False
    decimal_mark: Literal[".", ","] = "."
    months: Months | None = None

    def __post_init__(self) -> None:
        """Check that the encoding has a byte order mark; raise ValueError."""
        super().__post_init__()
        if self.bom and not self.encoding.lower().replace("_", "-").startswith("utf"):
            raise ValueError("bom: true needs a Unicode encoding such as utf-8")

    @property
    def unwritable_signs(self) -> list[str]:
        """Return the texts that no value may hold."""
        if self.quoting == "none":
            return [self.delimiter, "\r", "\n", *self.forbidden]
        return ["\r", *self.forbidden] if self.quoting == "escape" else self.forbidden

    @property
    def plain(self) -> bool:
        """Return whether the file is plain UTF-8."""
        return codecs.lookup(self.encoding).name == "utf-8"

    @property
    def writes_every_letter(self) -> bool:
        """Return whether the encoding has every letter there is."""
        return codecs.lookup(self.encoding).name.startswith("utf")

    def lacking(self, text: str) -> str | None:
        """Say which letter of a text the encoding lacks; None: it has them all."""
        if self._has(text):
            return None
        sign = next((one for one in text if not self._has(one)), text[0])
        return f"{self.encoding} has no U+{ord(sign):04X} ({sign!r}); use utf-8, or another text"

    def _has(self, text: str) -> bool:
        try:
            return text.encode(self.encoding).decode(self.encoding) == text  # shift_jis makes \ of a yen sign
        except UnicodeError:
            return False
