"""Text that is safe to print."""

import logging
import re
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import logging_setup
from backend.printable import printable, printable_lines
from backend.web.downloads import download_headers
from tests.terminal import unsafe

HOSTILE = [
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "a\rb",
    "a\nb",
    "\x9b31m",
    "a\u202eb",
    "a\u2028b",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_unsafe_characters_are_written_as_escapes(text: str) -> None:
    shown = printable(text)
    assert unsafe(shown) == []
    assert shown.encode().decode("unicode_escape") == text


@given(st.text(st.characters(exclude_categories=[])))
def test_no_text_prints_unsafe_characters(text: str) -> None:
    assert unsafe(printable(text)) == []
    assert unsafe(printable_lines(text).replace("\n", "")) == []


def test_text_of_every_language_is_not_changed() -> None:
    text = "Überanpassung 過剰適合 فرط التخصيص नमस्ते 👩\u200d🔬"
    assert printable(text) == text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_log_line_stays_one_line(hostile: str) -> None:
    stream = StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logging_setup.configure("text", process="test", to=stream)
    logging.getLogger("lab").info("read %s", hostile, extra={"name_of_run": hostile})
    root.handlers[:], root.level = before
    assert unsafe(stream.getvalue().removesuffix("\n")) == []


@pytest.mark.parametrize("hostile", [*HOSTILE, 'a"; filename="b', "../a", "a\\b"])
def test_file_names_of_downloads_have_plain_characters_only(hostile: str) -> None:
    [disposition] = download_headers(f"run-{hostile}.csv").values()
    assert re.fullmatch(r'attachment; filename="run-[\w.-]+\.csv"', disposition)
