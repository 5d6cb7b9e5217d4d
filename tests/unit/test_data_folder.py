"""The check of the data folder: its owner, its mode and the files in it."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.errors import InvalidInput
from backend.operations import data_folder
from backend.private_files import user_name
from backend.settings import Settings

STRANGER = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(autouse=True)
def restored_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    return path


def protect(folder: Path, database: str | None = None) -> None:
    data_folder.protect(Settings(data_dir=folder, database=database))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_private_with_everything_created_in_it(tmp_path: Path) -> None:
    protect(tmp_path / "new" / "data")
    (tmp_path / "new" / "data" / "file").touch()
    assert mode(tmp_path / "new" / "data") == 0o700
    assert mode(tmp_path / "new" / "data" / "file") == 0o600


def test_a_readable_folder_is_closed_and_this_is_logged(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.chmod(0o755)
    (folder / "lab.db").touch(0o644)
    protect(folder)
    assert (mode(folder), mode(folder / "lab.db")) == (0o700, 0o600)
    assert "was open to other users (mode 755); it is private now" in caplog.text


@pytest.mark.parametrize("bits", [0o777, 0o1777, 0o702])
def test_a_folder_that_others_may_write_to_is_refused(folder: Path, bits: int) -> None:
    folder.chmod(bits)
    with pytest.raises(InvalidInput, match=r"other users may write .*chmod 700"):
        protect(folder)
    assert mode(folder) == bits & 0o777 | (bits & 0o1000)


def test_a_folder_that_others_may_replace_is_refused(folder: Path) -> None:
    folder.parent.chmod(0o777)
    with pytest.raises(InvalidInput, match=f"chmod go-w {folder.parent}`"):
        protect(folder)
    folder.parent.chmod(0o1777)  # sticky, as /tmp: only the owner may rename
    protect(folder)


@needs_root
def test_the_folder_of_another_user_is_refused(folder: Path) -> None:
    os.chown(folder, STRANGER, -1)
    with pytest.raises(InvalidInput, match="belongs to the user nobody; start the lab as"):
        protect(folder)


@needs_root
def test_a_path_through_a_link_of_another_user_is_refused(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    protect(link)
    os.chown(link, STRANGER, -1, follow_symlinks=False)
    with pytest.raises(InvalidInput, match="a symbolic link of the user nobody"):
        protect(link)


@pytest.mark.parametrize(
    "name", ["lab.lock", "lab_token", "lab.db", "lab.db-wal", "valkey.sock", "logs", "backups"]
)
def test_a_link_in_the_folder_is_refused(folder: Path, name: str) -> None:
    (folder / name).symlink_to(folder.parent / "victim")
    with pytest.raises(InvalidInput, match=f"{name} is a symbolic link"):
        protect(folder)


@pytest.mark.parametrize("name", ["logs/web.log", "backups/old.db"])
def test_a_link_in_a_folder_of_the_folder_is_refused(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir()
    (folder / name).symlink_to(folder.parent / "victim")
    with pytest.raises(InvalidInput, match=f"{name} is a symbolic link"):
        protect(folder)


@pytest.mark.parametrize(
    ("name", "plant", "wanted"),
    [
        ("lab.db", Path.mkdir, "a file"),
        ("lab_token", os.mkfifo, "a file"),
        ("lab.lock", os.mkfifo, "a file"),
        ("logs", Path.touch, "a folder"),
    ],
)
def test_another_kind_of_file_is_refused(
    folder: Path, name: str, plant: Callable[[Path], object], wanted: str
) -> None:
    plant(folder / name)
    with pytest.raises(InvalidInput, match=f"{name} is not {wanted}; move it away"):
        protect(folder)


@needs_root
def test_a_planted_file_of_another_user_is_refused(folder: Path) -> None:
    (folder / "lab_token").write_text("planted")
    os.chown(folder / "lab_token", STRANGER, -1)
    with pytest.raises(InvalidInput, match="lab_token belongs to the user nobody"):
        protect(folder)


def test_a_database_elsewhere_is_checked_too(folder: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    protect(folder, f"sqlite:///{shared / 'lab.db'}")
    shared.chmod(0o777)
    with pytest.raises(InvalidInput, match="other users may replace the database"):
        protect(folder, f"sqlite:///{shared / 'lab.db'}")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match=r"cannot use the data directory .*Not a directory"):
        protect(tmp_path / "file" / "data")


@pytest.fixture
def private_group(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], None]:
    """Return a function that sets the members of the group of the files of this test."""

    def set_members(members: list[str]) -> None:
        import grp

        owner = user_name(os.geteuid())
        group = grp.struct_group((owner, "x", 0, members))
        monkeypatch.setattr("grp.getgrgid", lambda _: group)

    return set_members


def test_the_private_group_of_a_user_counts_as_the_user(
    folder: Path, private_group: Callable[[list[str]], None]
) -> None:
    folder.chmod(0o770)
    private_group(["someone"])
    with pytest.raises(InvalidInput, match="other users may write"):
        protect(folder)
    private_group([])
    protect(folder)
    assert mode(folder) == 0o700
