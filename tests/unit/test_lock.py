"""The lock of a data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.errors import Conflict, InvalidInput
from backend.supervisor.lock import lock_data_dir


def test_a_pipe_in_the_place_of_the_lock_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lab.lock")
    with pytest.raises(InvalidInput, match=r"lab\.lock is not a file"), lock_data_dir(tmp_path):
        pass


@contextmanager
def held(path: Path, mode: int, pid: str) -> Iterator[None]:
    """Create a lock file, and hold it through a descriptor that can only read."""
    path.write_text(pid)
    path.chmod(mode)
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_lock_is_held_by_one_instance(tmp_path: Path) -> None:
    with (
        lock_data_dir(tmp_path),
        pytest.raises(Conflict, match=rf"pid {os.getpid()}\)"),
        lock_data_dir(tmp_path),
    ):
        pass
    with lock_data_dir(tmp_path):
        assert (tmp_path / "lab.lock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("pid", ["", "x", "999999999"])
def test_a_reader_of_an_old_lock_cannot_keep_the_lab_from_starting(
    tmp_path: Path, pid: str
) -> None:
    with held(tmp_path / "lab.lock", 0o644, pid), lock_data_dir(tmp_path):
        assert (tmp_path / "lab.lock").read_text() == str(os.getpid())


@pytest.mark.parametrize(("mode", "is_written"), [(0o644, True), (0o600, False)])
def test_an_instance_of_ours_keeps_its_lock(tmp_path: Path, mode: int, is_written: bool) -> None:
    with (
        held(tmp_path / "lab.lock", mode, str(os.getpid()) if is_written else ""),
        pytest.raises(Conflict, match="another instance"),
        lock_data_dir(tmp_path),
    ):
        pass


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_a_lock_that_names_another_file_is_refused_and_changes_nothing(
    tmp_path: Path, plant: object
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("important")
    assert callable(plant)
    plant(tmp_path / "lab.lock", victim)
    with pytest.raises(InvalidInput, match=r"lab\.lock is a"), lock_data_dir(tmp_path):
        pass
    assert victim.read_text() == "important"
