"""Folders of uploads in the data folder: private, and removed when the upload is read.

A process that is killed leaves its folders behind. Each is locked while it is in use, so the next
start removes those that are not.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from backend.private_files import refuse_link

NAME = "imports"
"""The folder below the data folder."""


@contextmanager
def upload_folder(data_dir: Path) -> Iterator[Path]:
    """Create a folder for one upload, and remove it at the end."""
    parent = data_dir / NAME
    refuse_link(parent)
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=parent)).resolve()  # only this user can enter it
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_left_folders(data_dir: Path) -> None:
    """Remove the folders of uploads whose process has died."""
    parent = data_dir / NAME
    for folder in parent.iterdir() if parent.is_dir() and not parent.is_symlink() else ():
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
