"""Writes what a benchmark found into a page of docs/."""

import re
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def replace_section(title: str, text: str, page: Path = BENCHMARKS) -> None:
    """Put `text` between the marks of a section of a page, leaving all else."""
    begin, end = f"<!-- measured: {title} -->", "<!-- end of measured -->"
    document = page.read_text()
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"{page.name} has no line {begin}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", document))
