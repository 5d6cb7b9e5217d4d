"""Default settings that depend on the machine."""

from pathlib import Path

import pytest

from backend.settings import default_memory

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
