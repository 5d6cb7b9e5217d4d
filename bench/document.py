"""Writes what a benchmark found into docs/benchmarks.md."""

import re
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def replace_section(title: str, text: str) -> None:
    """Put `text` between the marks of a section of docs/benchmarks.md, leaving all else."""
    begin, end = f"<!-- measured: {title} -->", "<!-- end of measured -->"
    document = BENCHMARKS.read_text()
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"docs/benchmarks.md has no line {begin}")
    BENCHMARKS.write_text(pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", document))
