"""Kinds of the columns of a table, and signs that a column gives the target away."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.own_data.describe import describe_file


def described(folder: Path, text: str, target: str | None = None) -> dict[str, Any]:
    """Return the description of a CSV file."""
    path = folder / "table.csv"
    path.write_text(text)
    return describe_file(str(path), path.name, str(folder / "columns.npz"), target, None)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-3e2"], "number"),
        (["1", "", "n/a"], "number"),
        (["true", "False", "true"], "truth"),
        (["yes", "No", "yes"], "category"),
        (["2024-01-31", "2024-02-01", ""], "time"),
        (["2024-01-31 10:00:00", "2024-02-01 11:30:00", ""], "time"),
        (["red", "blue", "red"], "category"),
        (["1", "2", "three"], "category"),
    ],
)
def test_the_kind_of_a_column_follows_from_all_values(
    tmp_path: Path, values: list[str], kind: str
) -> None:
    result = described(tmp_path, "\n".join(["x,z", *(f"{value},1" for value in values)]))
    assert result["description"]["columns"][0]["kind"] == kind


def test_one_odd_value_is_named(tmp_path: Path) -> None:
    rows = [f"{i},1" for i in range(30)] + ["12 kg,1"]
    preview = described(tmp_path, "\n".join(["x,z", *rows]))["description"]["previews"][0]
    assert preview["note"] == 'The column is text because of "12 kg" in row 31.'


def test_a_column_of_names_is_no_input(tmp_path: Path) -> None:
    rows = [f"person{i},1" for i in range(30)]
    [name, _] = described(tmp_path, "\n".join(["id,z", *rows]))["description"]["columns"]
    assert not name["used"]


def test_decimal_commas_are_read_between_semicolons(tmp_path: Path) -> None:
    result = described(tmp_path, "x;y\n1,5;2\n2,5;3\n")
    assert result["description"]["previews"][0]["mean"] == 2.0


def test_numbers_without_a_header_get_names(tmp_path: Path) -> None:
    columns = described(tmp_path, "1,2\n3,4\n")["description"]["columns"]
    assert [column["name"] for column in columns] == ["column_1", "column_2"]


def test_duplicates_and_contradictions_are_counted(tmp_path: Path) -> None:
    rows = ["a,0", "b,1", "a,0", "b,0", "c,1", "d,1"]
    result = described(tmp_path, "\n".join(["x,y", *rows]), "y")
    assert result["description"]["duplicates"] == 1
    assert (result["choice"]["repeated"], result["choice"]["contradicting"]) == (2, 1)


@pytest.mark.parametrize("problem", ["classification", "regression"])
def test_only_the_column_that_gives_the_target_away_is_reported(
    tmp_path: Path, problem: str
) -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=400)
    noisy = x + 0.5 * generator.normal(size=400)
    y = (x > 0).astype(int) if problem == "classification" else x
    lines = [f"{a},{3 * b + 1},{c}" for a, b, c in zip(noisy, y, y, strict=True)]
    leaks = described(tmp_path, "\n".join(["noisy,leak,y", *lines]), "y")["choice"]["leaks"]
    assert [leak["column"] for leak in leaks] == ["leak"]
