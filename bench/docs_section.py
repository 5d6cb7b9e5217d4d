"""Sections of pages in docs/ that benchmarks write."""

import re
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def replace_section(title: str, text: str, page: Path = BENCHMARKS) -> None:
    """Replace the text between the marks of a section of a page."""
    current = section(title, page)
    begin, end = _marks(title)
    page.write_text(page.read_text().replace(begin + current + end, f"{begin}\n\n{text}\n\n{end}"))


def section(title: str, page: Path = BENCHMARKS) -> str:
    """Return the text between the marks of a section.

    Raises ValueError if the marks are missing.
    """
    begin, end = _marks(title)
    match = re.search(f"{re.escape(begin)}(.*?){re.escape(end)}", page.read_text(), re.DOTALL)
    if not match:
        raise ValueError(f"{page.name} has no line {begin}")
    return match[1]


def _marks(title: str) -> tuple[str, str]:
    return f"<!-- measured: {title} -->", "<!-- end of measured -->"
