"""Defaults that depend on the machine."""

from pathlib import Path

import pytest

from backend.settings import default_memory

MIB = 1 << 20


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_a_container_takes_its_limit_for_its_memory(tmp_path: Path, name: str) -> None:
    """By cgroup v2 and by v1; a limit beyond the machine's memory is none."""
    whole = default_memory(1, tmp_path / "none")
    limit = tmp_path / name
    limit.parent.mkdir(exist_ok=True)
    for said, share in (
        (f"{600 * MIB}\n", 150),
        (f"{1 << 62}\n", whole // 2),
        ("max\n", whole // 2),
    ):
        limit.write_text(said)
        assert default_memory(2, tmp_path) == share
