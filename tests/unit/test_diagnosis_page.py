"""Tests of the page that `lab diagnose --html` writes."""

import re
from pathlib import Path

import pytest

from backend.fit_reports import figure

COLOURS = Path(__file__).parents[2] / "frontend" / "static" / "css" / "colours.css"


@pytest.mark.parametrize(
    ("variable", "colour"),
    [
        ("--train", figure.TRAIN_COLOUR),
        ("--validation", figure.VALIDATION_COLOUR),
        ("--mark-1", figure.MARK_COLOUR),
    ],
)
def test_the_offline_page_has_the_colours_of_the_site(variable: str, colour: str) -> None:
    light = re.search(rf"{variable}: light-dark\((#\w+),", COLOURS.read_text())
    assert light is not None
    assert light[1] == colour
