"""Secrets that a deployment makes for itself at its first start, so that none has a default.

Each is a file that only those who need it mount: nothing is in an image, an environment or a list
of processes. What is there is kept, so that starting again changes nothing.
"""

import os
import secrets
from pathlib import Path

TOKEN = "lab_token"  # noqa: S105 - a file's name
POSTGRES, VALKEY = "postgres_password", "valkey_password"
# Inside a container each user has its own number, and only those who mount the folder see it.
SHARED = 0o444
PRIVATE = 0o400


def make(folder: Path) -> None:
    """Make what is missing of a deployment's secrets. Raises OSError.

    Files: the passwords of PostgreSQL and Valkey, the latter as its configuration too, and the
    settings `lab_token`, `lab_database` and `lab_broker`, for processes whose LAB_SECRETS_DIR is
    this folder.
    """
    token(folder, mode=SHARED)
    for name in (POSTGRES, VALKEY):
        _kept(folder / name, SHARED)
    for name, text in addresses(folder, database="postgres", broker="valkey").items():
        _write(folder / name.lower(), text, SHARED)
    _write(folder / "valkey.conf", f"requirepass {(folder / VALKEY).read_text()}", SHARED)


def token(folder: Path, *, mode: int = PRIVATE) -> str:
    """Return the token kept in a folder; the first time, make it. Raises OSError."""
    return _kept(folder / TOKEN, mode)


def kept_token(folder: Path) -> str:
    """Return the token kept in a folder, nothing where there is none or it is not ours to read."""
    try:
        return (folder / TOKEN).read_text()
    except OSError:
        return ""


def renew_token(folder: Path) -> None:
    """Make another token. It holds from the next start of the web service on. Raises OSError."""
    _write(folder / TOKEN, secrets.token_urlsafe(32), SHARED)


def addresses(folder: Path, *, database: str, broker: str) -> dict[str, str]:
    """Return the settings that lead to PostgreSQL and Valkey on these hosts. Raises OSError."""
    postgres, valkey = ((folder / name).read_text() for name in (POSTGRES, VALKEY))
    return {
        "LAB_DATABASE": f"postgresql://lab:{postgres}@{database}:5432/lab",
        "LAB_BROKER": f"redis://:{valkey}@{broker}:6379/0",
    }


def _kept(path: Path, mode: int) -> str:
    if not path.exists():
        _write(path, secrets.token_urlsafe(32), mode)
    return path.read_text()


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file that is there as a whole or not at all, whatever happens."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
