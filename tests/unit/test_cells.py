"""Cells of CSV: no spreadsheet runs a formula from them, and the text can be restored."""

import csv
import re
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.export.cells import inert
from backend.export.files import csv_lines

EXPORT_PAGE = Path(__file__).parents[2] / "docs" / "export.md"
FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\tx=1", "\r=1", "＝1", "﹢1",  # noqa: RUF001
    "x;=1+cmd|' /C calc'!A0;y", "a\t@SUM(A1)", "a|-1", "a\n=1", "a\r\n=1", "a: =1", "a; = 1",
    'a;"=1";b', "a;\u200b=1", "a;\u202e=1", "a =cmd|' /C calc'!A0 b", "'=1", "a;''=1",
    '=DDE("cmd";"/C calc";"x")', "a,=1", "\ufeff=1", "a\u2028=1", "a =\ufeff", 'a "=',
]  # fmt: skip
SEPARATORS = ",;|:\t "
TEXTS = st.text(alphabet="=+-@＝',;|:\t\r\n \"ax1\u202e\ufeff\u00a0\x85")  # noqa: RUF001


def cells(line: str, separator: str) -> list[str]:
    """Return the cells that a spreadsheet sees, with and without heeding quotes."""
    rows = csv.reader(StringIO(line, newline=""), delimiter=separator)
    quoted = [cell for row in rows for cell in row]
    return quoted + re.split(rf"[{re.escape(separator)}\r\n]", line)


def is_formula(cell: str) -> bool:
    bare = cell.lstrip('" \xa0\x85\t\r\n\v\f\u200b\u2028\u202e\ufeff')
    return len(bare) > 1 and bare[0] in "=+-@＝﹢" and not bare[1].isspace()  # noqa: RUF001


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula_whatever_separates_the_cells(text: str, separator: str) -> None:
    line = csv_lines([["before", text, "after"]]).decode()
    assert [cell for cell in cells(line, separator) if is_formula(cell)] == []


@given(TEXTS, st.sampled_from(SEPARATORS))
def test_no_text_becomes_a_formula(text: str, separator: str) -> None:
    line = csv_lines([["before", text, "after"]]).decode()
    assert [cell for cell in cells(line, separator) if is_formula(cell)] == []


def test_numbers_names_and_sums_are_not_changed() -> None:
    row = [-1.5, "a=b", None, True, 1e-5, "model.degree", "16-8-4", "x1 + x2 - x3", 'say "x", y']
    assert csv_lines([row]) == (
        b'-1.5,"a=b",,true,1e-05,model.degree,16-8-4,"x1 + x2 - x3","say ""x"", y"\n'
    )


@given(TEXTS)
def test_the_documented_expression_restores_the_text(text: str) -> None:
    [recipe] = re.findall(r"```python\n(.*?)```", EXPORT_PAGE.read_text(), re.DOTALL)
    values = {"cell": inert(text)}
    exec(recipe, values)  # noqa: S102
    assert values["text"] == text


@pytest.mark.parametrize("gap", [" ", "\t", '"'])
def test_a_long_gap_is_read_once(gap: str) -> None:
    assert inert(gap * 1_000_000) == gap * 1_000_000
