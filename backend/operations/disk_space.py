"""Free disk space of the data folder."""

import shutil
from pathlib import Path

FULL_BYTES = 8 << 20  # below this the disk counts as full: one large write can exceed it


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes of the disk that holds `folder`, or None if unknown."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def is_full(folder: Path) -> bool:
    """Return whether the disk that holds `folder` is known to be full."""
    free = free_bytes(folder)
    return free is not None and free < FULL_BYTES
