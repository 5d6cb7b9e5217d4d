"""Names of uploaded files, made inert: relative, printable and short, whatever a client sends."""

import re
from unicodedata import category

MAX_PART_BYTES = 200  # of a folder or file; file systems allow 255
MAX_PARTS = 20  # of a path
UNNAMED = "log"
_DRIVE = re.compile(r"^[A-Za-z]:")


def inert_name(written: str) -> str:
    """Return a relative path below the folder of an upload, which a file may be written to.

    Folders that lead out of it (`..`), roots and drives are dropped. Control, format and
    bidirectional characters become underscores.
    """
    pieces = _DRIVE.sub("", written.replace("\\", "/")).split("/")
    parts = [_short(_visible(piece)) for piece in pieces if piece.strip() not in ("", ".", "..")]
    return "/".join(parts[-MAX_PARTS:]) or UNNAMED


class TakenNames:
    """The names of the files of an upload, each different from the others and from a folder."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, name: str) -> str:
        """Return the inert name, with a number if it is taken."""
        candidate, number = name, 1
        while not self._is_free(candidate):
            number += 1
            stem, dot, ending = name.rpartition(".")
            is_ending = dot and stem and "/" not in ending
            candidate = f"{stem} ({number}).{ending}" if is_ending else f"{name} ({number})"
        self._files.add(candidate)
        self._folders.update(_folders(candidate))
        return candidate

    def _is_free(self, name: str) -> bool:
        if name in self._files or name in self._folders:
            return False
        return not any(folder in self._files for folder in _folders(name))


def _folders(name: str) -> list[str]:
    """Return the folders above a file."""
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _visible(text: str) -> str:
    return "".join(
        "_" if category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
        for character in text
    ).strip()


def _short(part: str) -> str:
    """Cut a name in the middle, so that its ending stays."""
    data = part.encode()
    if len(data) <= MAX_PART_BYTES:
        return part
    half = MAX_PART_BYTES // 2
    return data[:half].decode(errors="ignore") + "~" + data[-half:].decode(errors="ignore")
