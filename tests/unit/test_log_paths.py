"""The files that `lab import` sends, and their names."""

from pathlib import Path

import pytest

from backend.cli.log_paths import logs_at
from backend.cli.upload_file import UploadFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/run.csv", "b/run.csv", "b/model.pt", "b/.hidden", "b/deep/more.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345")
    return tmp_path


def names(*paths: Path) -> list[str]:
    return [log.name for log in logs_at([str(path) for path in paths])]


def test_a_file_has_its_own_name(folder: Path) -> None:
    assert names(folder / "a" / "run.csv") == ["run.csv"]


def test_files_of_the_same_name_have_their_folders(folder: Path) -> None:
    assert names(folder / "a" / "run.csv", folder / "b" / "run.csv") == ["a/run.csv", "b/run.csv"]


def test_a_folder_sends_what_can_be_a_log(folder: Path) -> None:
    assert names(folder / "b") == ["b/deep/more.txt", "b/run.csv"]


def test_a_growing_file_is_sent_as_long_as_it_was(folder: Path) -> None:
    path = folder / "a" / "run.csv"
    file = UploadFile(path)
    with path.open("a") as growing:
        growing.write("678")
    assert (file.read(3), file.read(9), file.read(9)) == (b"123", b"45", b"")


def test_a_file_that_became_shorter_is_named(folder: Path) -> None:
    path = folder / "a" / "run.csv"
    file = UploadFile(path)
    path.write_text("1")
    assert file.read(1) == b"1"
    with pytest.raises(OSError, match="became shorter"):
        file.read(1)
