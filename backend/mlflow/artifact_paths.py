"""Paths under which clients store files: checked, because they come from outside.

A path is only a text in the database, and never a path on disk. It is refused all the same where
MLflow refuses it, so that no client comes to depend on it.
"""

from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

from backend.mlflow.errors import InvalidParameter
from backend.store.external_search import ARTIFACT_SCHEME

MAX_BYTES = 2000  # of a path, which is a key of the database
MAX_DECODINGS = 10


def safe_path(written: str) -> str:
    """Return a path below the folder of all files, without a slash at its ends.

    Raises InvalidParameter for a path that leads out, also after decoding it more than once.
    """
    path = _decoded(written)
    if (
        any(ord(char) < ord(" ") or char in "\\#\x7f" for char in path)
        or path.lower().startswith("file:")
        or ".." in path.split("/")
        or PureWindowsPath(path).is_absolute()
        or PurePosixPath(path).is_absolute()
    ):
        raise InvalidParameter("Invalid path; accepted: a relative path without .. in it.")
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise InvalidParameter("Invalid path; accepted: text in UTF-8.") from None
    if size > MAX_BYTES:
        raise InvalidParameter(f"The path has {size:,} bytes; accepted: up to {MAX_BYTES:,}.")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def folder_of(artifact_uri: str) -> str:
    """Return the folder that an artifact URI of this service stands for."""
    return artifact_uri.removeprefix(ARTIFACT_SCHEME)


def _decoded(written: str) -> str:
    for _ in range(MAX_DECODINGS):
        decoded = unquote(written)
        if decoded == written:
            return decoded
        written = decoded
    raise InvalidParameter("Invalid path; it is encoded too often.")
