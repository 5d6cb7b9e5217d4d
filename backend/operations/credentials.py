"""Credentials that a deployment generates at its first start. There are no default credentials.

Each is a file that only the services that need it mount: no secret is in an image, an environment
or a process list. Existing files are kept, so restarting changes nothing.
"""

import os
import secrets
from pathlib import Path

from backend.access.token_strength import token_problem
from backend.errors import InvalidInput
from backend.private_files import open_unlinked

TOKEN = "lab_token"  # noqa: S105 - a file's name
POSTGRES, VALKEY = "postgres_password", "valkey_password"
# Containers use different user ids, and only containers that mount the folder can read it.
SHARED = 0o444
PRIVATE = 0o400
MAX_CHARACTERS = 4096  # read from a secret; a file may have been put there by hand


def create_missing(folder: Path) -> None:
    """Create the missing secrets of a deployment. Raises OSError.

    Files: the passwords of PostgreSQL and Valkey, a Valkey configuration, and the settings
    `lab_token`, `lab_database` and `lab_broker` for processes whose LAB_SECRETS_DIR is this folder.
    """
    token(folder, mode=SHARED)
    for name in (POSTGRES, VALKEY):
        _read_or_create(folder / name, SHARED)
    for name, text in urls(folder, database="postgres", broker="valkey").items():
        _write(folder / name.lower(), text, SHARED)
    _write(folder / "valkey.conf", f"requirepass {(folder / VALKEY).read_text()}", SHARED)


def token(folder: Path, *, mode: int = PRIVATE) -> str:
    """Return the stored token, creating it the first time.

    Raises OSError, and InvalidInput for a file that holds no strong token.
    """
    found = _read_or_create(folder / TOKEN, mode)
    if problem := token_problem(found):
        raise InvalidInput(
            f"{folder / TOKEN}: {problem}. Delete the file, and the next start writes a new one."
        )
    return found


def stored_token(folder: Path) -> str:
    """Return the stored token, or "" if it is missing, unreadable or unusable."""
    try:
        found = _read(folder / TOKEN)
    except (OSError, InvalidInput):
        return ""
    return "" if token_problem(found) else found


def renew_token(folder: Path) -> None:
    """Replace the token. The web service uses it from its next start. Raises OSError."""
    _write(folder / TOKEN, secrets.token_urlsafe(32), SHARED)


def urls(folder: Path, *, database: str, broker: str) -> dict[str, str]:
    """Return the URL settings for PostgreSQL and Valkey on these hosts. Raises OSError."""
    postgres, valkey = ((folder / name).read_text() for name in (POSTGRES, VALKEY))
    return {
        "LAB_DATABASE": f"postgresql://lab:{postgres}@{database}:5432/lab",
        "LAB_BROKER": f"redis://:{valkey}@{broker}:6379/0",
    }


def _read_or_create(path: Path, mode: int) -> str:
    if not path.exists():
        _write(path, secrets.token_urlsafe(32), mode)
    return _read(path)


def _read(path: Path) -> str:
    """Read a secret, without the spaces and ends of lines around it.

    Raises OSError, and InvalidInput for a symbolic link and for a path that is not a file.
    """
    with open(path, errors="replace", opener=open_unlinked) as file:
        return file.read(MAX_CHARACTERS).strip()


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file atomically: it exists complete or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)  # whatever the umask
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
