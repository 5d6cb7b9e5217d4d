"""The data folder belongs to one user: checked at every start, before anything in it is opened.

A user who can enter the folder can read all experiments and use the broker. A user who can write
to it, or to a folder above it, can replace the database, and plant files or links that the lab
would follow.
"""

import grp
import logging
import os.path
import stat
from collections.abc import Iterator
from pathlib import Path

from backend.errors import InvalidInput
from backend.private_files import (
    OPEN_TO_OTHERS,
    kind_refusal,
    link_refusal,
    set_private_umask,
    user_name,
)
from backend.settings import Settings

logger = logging.getLogger(__name__)

PRIVATE_MODE = 0o700
ELSEWHERE = "or choose another directory with --data-dir."
DATABASE_ENDINGS = ("", "-wal", "-shm", "-journal")
DATABASE_FILES = tuple(f"lab.db{end}" for end in DATABASE_ENDINGS)
SOCKET = "valkey.sock"
FILES = ("lab.lock", "lab_token", "database.json", SOCKET, *DATABASE_FILES)
FOLDERS = ("logs", "backups", "imports", "valkey")


def protect(settings: Settings) -> None:
    """Let only this user create, read and replace the files of the lab.

    Sets the umask, creates the data folder, and closes it to others if it was readable by them.
    Raises InvalidInput if another user owns the folder or may have put files there.
    """
    set_private_umask()
    _protect_folder(settings.data_dir)
    if settings.database and settings.sqlite_path:
        _check_sqlite_file(settings.sqlite_path)


def _protect_folder(folder: Path) -> None:
    _check_links(folder)
    try:
        folder.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
        folder = folder.resolve()
        _check_parents(folder)
        _check_owner(folder)
        _close(folder)
    except OSError as error:
        raise InvalidInput(
            f"cannot use the data directory {folder}: {error.strerror}; make it usable, {ELSEWHERE}"
        ) from error
    for path in _own_files(folder):
        _check_file(path)
        _check_kind(path)


def _check_links(folder: Path) -> None:
    """Refuse a path through a symbolic link of another user: it may lead anywhere."""
    for path in (folder.absolute(), *folder.absolute().parents):
        if path.is_symlink() and path.lstat().st_uid not in (0, os.geteuid()):
            raise InvalidInput(
                f"the data directory {folder} is behind {path}, a symbolic link of the user "
                f"{user_name(path.lstat().st_uid)}; name the directory itself, {ELSEWHERE}"
            )


def _check_parents(folder: Path) -> None:
    """Refuse a folder that others may rename, because they may write to a folder above it."""
    for parent in folder.parents:
        status = parent.stat()
        if _writable_by_others(status) and not status.st_mode & stat.S_ISVTX:
            raise InvalidInput(
                f"other users may replace the data directory {folder}, because they may write to "
                f"{parent}; run `chmod go-w {parent}`, {ELSEWHERE}"
            )


def _check_owner(folder: Path) -> None:
    status = folder.stat()
    if status.st_uid != os.geteuid():
        raise InvalidInput(
            f"the data directory {folder} belongs to the user {user_name(status.st_uid)}; start "
            f"the lab as that user, {ELSEWHERE}"
        )
    if _writable_by_others(status):
        raise InvalidInput(
            f"other users may write to the data directory {folder} and may have put files there; "
            f"check its files and run `chmod 700 {folder}`, {ELSEWHERE}"
        )


def _writable_by_others(status: os.stat_result) -> bool:
    """Return whether anyone but the owner may write. A group that has no other member does not."""
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_private_group(status)


def _is_private_group(status: os.stat_result) -> bool:
    """Return whether the group belongs to one user, as many systems create it."""
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    owner = user_name(status.st_uid)
    return group.gr_name == owner and not set(group.gr_mem) - {owner}


def _close(path: Path) -> None:
    """Remove the rights of other users, with a line in the log."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OPEN_TO_OTHERS:
        path.chmod(PRIVATE_MODE)
        logger.warning(
            "the data directory %s was open to other users (mode %o); it is private now", path, mode
        )
    if path.stat().st_mode & OPEN_TO_OTHERS:  # file systems without owners ignore chmod
        raise InvalidInput(
            f"the data directory {path} cannot be made private on its file system; use a directory "
            f"on another disk with --data-dir."
        )


def _own_files(folder: Path) -> Iterator[Path]:
    """Yield the files and folders of the lab that exist in a data folder."""
    for name in (*FILES, *FOLDERS):
        if os.path.lexists(folder / name):
            yield folder / name
    for name in FOLDERS:
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            yield from (folder / name).iterdir()


def _check_file(path: Path) -> None:
    """Refuse a link or a file of another user; remove the rights of others from the rest."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise InvalidInput(link_refusal(path))
    if status.st_uid != os.geteuid():
        raise InvalidInput(
            f"{path} belongs to the user {user_name(status.st_uid)}; give it to "
            f"{user_name(os.geteuid())} with chown, or remove it."
        )
    if status.st_mode & OPEN_TO_OTHERS and not stat.S_ISSOCK(status.st_mode):
        path.chmod(stat.S_IMODE(status.st_mode) & ~OPEN_TO_OTHERS)


def _check_kind(path: Path) -> None:
    """Refuse a folder or a pipe where a file should be, and the reverse."""
    mode, name = path.lstat().st_mode, path.name
    if name in FOLDERS and not stat.S_ISDIR(mode):
        raise InvalidInput(kind_refusal(path, "a folder"))
    if name in FILES and name != SOCKET and not stat.S_ISREG(mode):
        raise InvalidInput(kind_refusal(path))


def _check_sqlite_file(path: Path) -> None:
    """Check a SQLite database outside of the data folder. Its folder is not changed."""
    folder = path.parent
    if folder.exists() and _writable_by_others(folder.stat()):
        raise InvalidInput(
            f"other users may replace the database {path}, because they may write to {folder}; run "
            f"`chmod go-w {folder}`, or move the database."
        )
    for file in (path.with_name(path.name + end) for end in DATABASE_ENDINGS):
        if os.path.lexists(file):
            _check_file(file)
            if not file.is_file():
                raise InvalidInput(kind_refusal(file))
