"""Files that make no table: one sentence each, with row and column."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backend.own_data.describe import describe_file
from backend.own_data.errors import RefusedTable

CSV = "x,y\n"


def refusal(folder: Path, content: bytes, target: str | None = "y", task: str | None = None) -> str:
    """Return the sentence that refuses a file."""
    path = folder / "table"
    path.write_bytes(content)
    with pytest.raises(RefusedTable) as caught:
        describe_file(str(path), "table.csv", str(folder / "columns.npz"), target, task)
    return caught.value.detail


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("1,2\n3\n", 'Row 2 has 1 fields instead of 2: column "y" is missing'),
        ("1,2\n3,4,5\n", "Row 2 has 3 fields instead of 2: there is a field after"),
        ("1,2\n\n3,4\n", "Row 2 is empty; accepted: empty rows at the end only."),
        ('1,"2\n3,4\n', "A quoted field that begins in or before row 1 is never closed"),
        ("1,2\n3,=A1+1\n", 'Row 2, column "y" holds the formula "=A1+1"'),
        ('1,2\n"=A1",3\n', 'Row 2, column "x" holds the formula "=A1"'),
        ("1,2\ninf,4\n", 'An infinite number is in row 2, column "x"'),
        ("1,2\n3,\n", 'The target is empty in row 2, column "y"'),
        ("1,2\n3,2\n", 'The target "y" has the same value in each row'),
        ("1,a\n2,b\n3,c\n", 'The target "y" has 3 classes in 3 rows; accepted: at most 1'),
        ("", "The file has no rows below its header"),
    ],
)
def test_rows_that_make_no_table(tmp_path: Path, rows: str, sentence: str) -> None:
    assert sentence in refusal(tmp_path, (CSV + rows).encode())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b"x,y\n1,2\n3,\xe9\n", 'Row 2, column "y" holds the byte 0xe9, which is not UTF-8'),
        ("x,y\n1,2\n".encode("utf-16"), "The file is UTF-16"),
        (b"x,x\n1,2\n", 'Column 2 has the same name as column 1, "x"'),
        (b"x,y\n1,\x002\n", 'Row 1, column "y" holds a zero byte'),
        (b"\x1f\x8b\x08\x00rest of it", "The file is gzip; accepted: CSV, TSV, Parquet"),
        (b"PAR1 and nothing else", "The file cannot be read"),
        (b"PK\x03\x04 and nothing else", "The arrays cannot be read"),
        (b",".join(b"c%d" % i for i in range(50_000)) + b"\n", "The file has 50,000 columns"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert sentence in refusal(tmp_path, content, target=None)


def test_a_row_is_counted_across_chunks_and_quoted_line_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.own_data.delimited_check.CHUNK_BYTES", 7)
    rows = '1,"a\nb"\n' * 9 + "3\n"
    assert "Row 10 has 1 fields" in refusal(tmp_path, (CSV + rows).encode())


def test_a_missing_target_names_the_columns(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"x,y\n1,2\n", "z") == (
        'target is "z"; accepted: the name of a column (x, y).'
    )


def test_texts_cannot_be_regressed(tmp_path: Path) -> None:
    rows = "x,y\n" + "1,a\n2,b\n" * 4
    assert "holds texts, which are classes" in refusal(tmp_path, rows.encode(), task="regression")


def test_lists_are_no_values(tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    pl.DataFrame({"x": [[1], [2]]}).write_parquet(path)
    assert 'Column "x" holds list(int64) values' in refusal(tmp_path, path.read_bytes(), None)


def test_arrays_of_different_length_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    np.savez(path, x=np.zeros(3), y=np.zeros(2))
    assert "x has 3, y has 2" in refusal(tmp_path, path.read_bytes(), None)


def test_too_many_rows_in_parquet_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    frame = pl.LazyFrame({"x": [0]}).select(pl.repeat(0, 11_000_000).alias("x"))
    frame.sink_parquet(path)
    assert path.stat().st_size < 100_000
    assert "The file has 11,000,000 rows" in refusal(tmp_path, path.read_bytes(), None)
