"""Default settings that depend on the machine."""

import os
from pathlib import Path

import pytest

from backend.settings import default_memory, default_workers

MIB = 1 << 20


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_the_memory_limit_of_a_container_is_respected(tmp_path: Path, name: str) -> None:
    """Check cgroup v2 and v1. A limit above the memory of the machine does not count."""
    whole = default_memory(1, tmp_path / "none")
    limit = tmp_path / name
    limit.parent.mkdir(exist_ok=True)
    for content, share in (
        (f"{600 * MIB}\n", 150),
        (f"{1 << 62}\n", whole // 2),
        ("max\n", whole // 2),
    ):
        limit.write_text(content)
        assert default_memory(2, tmp_path) == share


def test_every_core_gets_a_worker(tmp_path: Path) -> None:
    assert default_workers(tmp_path / "none") == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("quota", "workers"), [("100000 100000", 1), ("50000 100000", 1)])
def test_a_container_with_fewer_cores_gets_fewer_workers(
    tmp_path: Path, quota: str, workers: int
) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert default_workers(tmp_path) == workers


def test_little_memory_means_fewer_workers(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(str(1023 * MIB))
    assert default_workers(tmp_path) == 1
