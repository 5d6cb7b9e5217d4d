"""Writes what a benchmark found into a page of docs/."""

import re
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def replace_section(title: str, text: str, page: Path = BENCHMARKS) -> None:
    """Put `text` between the marks of a section of a page, leaving all else."""
    known = section(title, page)
    begin, end = _marks(title)
    page.write_text(page.read_text().replace(begin + known + end, f"{begin}\n\n{text}\n\n{end}"))


def section(title: str, page: Path = BENCHMARKS) -> str:
    """Return what stands between the marks of a section. Raises ValueError if there are none."""
    begin, end = _marks(title)
    found = re.search(f"{re.escape(begin)}(.*?){re.escape(end)}", page.read_text(), re.DOTALL)
    if not found:
        raise ValueError(f"{page.name} has no line {begin}")
    return found[1]


def _marks(title: str) -> tuple[str, str]:
    return f"<!-- measured: {title} -->", "<!-- end of measured -->"
