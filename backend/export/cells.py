"""Text cells of CSV that no spreadsheet runs as a formula, whatever separates its cells."""

import json
import re

STARTS = r"=+\-@＝＋－＠﹦﹢﹣﹫"  # noqa: RUF001
"""First characters of a formula (OWASP, "CSV Injection"), with their wide and small forms."""
SEPARATORS = r",;|:\t\r\n\v\f"
SPACES = r"\s\x1c-\x1f\x85\ufeff"
INVISIBLE = r"\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069"
"""Characters that a spreadsheet may leave out before a formula, as it does with spaces."""

_GAP = rf'{SEPARATORS}{SPACES}{INVISIBLE}"'
FORMULA = re.compile(
    rf"(?<![{_GAP}])"
    rf"((?:^|(?:(?![{SEPARATORS}])[{_GAP}])*[{SEPARATORS}])[{_GAP}]*"
    rf"|(?:(?![{SPACES}])[{_GAP}])*[{SPACES}][{_GAP}]*(?='*[{STARTS}](?:\ufeff|[^{SPACES}]|$)))"
    rf"('*[{STARTS}])"
)
r"""The start of a formula, if the text is divided at its separators, at its spaces, or nowhere.

A minus between two spaces is not a formula, but one at the end is, because a quote follows it,
and one before \ufeff is, because not every spreadsheet takes that for a space.
Apostrophes before the formula belong to the match, so that escaping can be undone. A match begins
at the first character of a gap, so that a long gap is read once. `FORMULA` in
frontend/static/js/save.js is the same.
"""
_PLAIN = re.compile(r"[\w.-]*")


def inert(text: str) -> str:
    """Return text with an apostrophe before everything that could start a formula."""
    return FORMULA.sub(r"\1'\2", text)


def csv_cell(value: object) -> str:
    """Return a value as a cell. Text is quoted unless it is a word or a name with dots."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    text = inert(value if isinstance(value, str) else json.dumps(value))
    return text if _PLAIN.fullmatch(text) else '"' + text.replace('"', '""') + '"'
