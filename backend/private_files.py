"""Files that belong to this user only: created without rights for others, never behind a link."""

import errno
import os
import pwd
import stat
from pathlib import Path

from backend.errors import InvalidInput

OPEN_TO_OTHERS = 0o077  # the mode bits of the group and of everyone else


def set_private_umask() -> None:
    """Create every file and folder from now on without rights for other users."""
    os.umask(OPEN_TO_OTHERS)


def open_unlinked(path: str | Path, flags: int) -> int:
    """Open a file for this user only. Usable as the `opener` of `open`.

    Raises InvalidInput if the path is a symbolic link, which may lead to any other file, or a pipe
    or another thing that is not a file.
    """
    try:  # without waiting: a pipe would keep this process until another one opens it
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise InvalidInput(link_refusal(path)) from error
        if error.errno in (errno.ENXIO, errno.EISDIR):  # a pipe or socket, a folder
            raise InvalidInput(kind_refusal(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise InvalidInput(kind_refusal(path))
    return file


def refuse_link(path: Path) -> None:
    """Raise InvalidInput if the path is a symbolic link. A missing file is accepted."""
    if path.is_symlink():
        raise InvalidInput(link_refusal(path))


def link_refusal(path: str | Path) -> str:
    """Return the sentence that refuses a symbolic link."""
    return f"{path} is a symbolic link, which the lab does not follow; put the file itself there."


def kind_refusal(path: str | Path, wanted: str = "a file") -> str:
    """Return the sentence that refuses a path which is not a file, or not another thing."""
    return f"{path} is not {wanted}; move it away."


def user_name(uid: int) -> str:
    """Return the name of a user, or the number if the user has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"{uid}"
