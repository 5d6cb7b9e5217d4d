"""The output of a command as its page shows it."""

import time

import pytest

from frontend.pages.console import SHOWN_BYTES, clean


def test_progress_bars_show_what_was_written_last() -> None:
    assert clean("10 %\r20 %\rdone\r\nnext\r\r") == "done\nnext"


def test_colours_and_control_characters_are_removed() -> None:
    assert clean("\x1b[31mred\x1b[0m\x1b]0;title\x07\x00") == "red\\x00"


@pytest.mark.parametrize("piece", ["a", "\r", "\x1b]", "\x1b[", "a\r", "\x1b[0"])
def test_hostile_output_is_read_fast(piece: str) -> None:
    begun = time.thread_time()
    clean(piece * (SHOWN_BYTES // len(piece)))
    assert time.thread_time() - begun < 0.5
