"""How much room is left on the disk of the data folder."""

import shutil
from pathlib import Path

FULL_BYTES = 8 << 20  # less is as good as nothing: one write of a large group may take more


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes of the disk that holds a folder; None where that cannot be told."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def is_full(folder: Path) -> bool:
    """Whether the disk that holds a folder is known to be full."""
    free = free_bytes(folder)
    return free is not None and free < FULL_BYTES
