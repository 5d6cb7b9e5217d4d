"""The log files at the paths of a command, and the names under which they are uploaded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.errors import InvalidInput
from backend.imports.possible_logs import may_be_log


@dataclass(frozen=True)
class LocalLog:
    """A file to upload, and its name in the upload."""

    name: str
    path: Path


def logs_at(paths: Sequence[str]) -> list[LocalLog]:
    """Return the files at paths, and those below folders. Raises InvalidInput naming the path."""
    roots = [Path(path) for path in paths]
    names = _names([root.resolve() for root in roots])
    return [log for root, name in zip(roots, names, strict=True) for log in _logs(root, name)]


def _logs(root: Path, name: str) -> list[LocalLog]:
    try:
        if not root.is_dir():
            root.open("rb").close()
            return [LocalLog(name, root)]
        below = [
            LocalLog(f"{name}/{path.relative_to(root).as_posix()}", path) for path in _below(root)
        ]
    except OSError as error:
        raise InvalidInput(f"{root}: it cannot be read: {error.strerror}.") from error
    if not below:
        raise InvalidInput(f"{root}: the folder holds no files that can be logs.")
    return below


def _below(root: Path) -> Iterator[Path]:
    """Yield the files below a folder that may be logs: no hidden files, no models, no pictures."""
    for path in sorted(root.rglob("*")):
        if may_be_log(path.relative_to(root).as_posix()) and path.is_file():
            yield path


def _names(roots: Sequence[Path]) -> list[str]:
    """Return a name for each path: as many of its last parts as distinguish it from the others."""
    for depth in range(1, max(len(root.parts) for root in roots)):
        names = ["/".join(root.parts[1:][-depth:]) for root in roots]
        if len(set(names)) == len(names):
            return names
    return [root.name for root in roots]
