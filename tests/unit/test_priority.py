"""Workers run at low priority."""

import multiprocessing
import os
from pathlib import Path

from backend.supervisor.priority import lower_priority


def _lowered(nice: int, autogroup: Path) -> int:
    os.setsid()
    lower_priority(nice, autogroup)
    return os.nice(0)


def _in_a_process(nice: int, autogroup: Path) -> int:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_lowered, (nice, autogroup))


def test_a_worker_lowers_its_own_priority_and_that_of_its_session(tmp_path: Path) -> None:
    autogroup = tmp_path / "autogroup"
    autogroup.write_text("/autogroup-1 nice 0")
    before = os.nice(0)
    assert _in_a_process(19, autogroup) == 19 >= before
    assert autogroup.read_text() == "19"


def test_a_system_without_priorities_of_sessions_is_no_error(tmp_path: Path) -> None:
    assert _in_a_process(19, tmp_path / "none" / "autogroup") == 19


def test_a_lower_priority_is_kept(tmp_path: Path) -> None:
    before = os.nice(0)
    assert _in_a_process(0, tmp_path / "autogroup") == before
