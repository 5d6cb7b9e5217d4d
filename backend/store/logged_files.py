"""Files that clients log: rows that give a path its content, which is on disk by its hash."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.engine import now_ms
from backend.store.tables import ExternalRun, LoggedFile

AFTER_SLASH = "0"  # the next character: a folder holds the paths from "folder/" to "folder0"


@dataclass(frozen=True)
class Entry:
    """A file or folder in a folder. A folder has no size."""

    name: str
    size: int | None


@dataclass(frozen=True)
class Content:
    """The bytes of a file: their SHA-256 in hexadecimal, and their number."""

    sha256: str
    size: int


def put(session: Session, path: str, content: Content, experiment_id: int | None) -> None:
    """Store a file under a path, replacing an earlier one."""
    run_id = session.scalar(
        select(ExternalRun.run_id).where(ExternalRun.external_id.in_(path.split("/")[1:2]))
    )
    now = session.scalar(select(now_ms()))
    row = (path, experiment_id, run_id, content.sha256, content.size, now)
    bulk.upsert(session, LoggedFile, [row])


def get(session: Session, path: str) -> Content | None:
    """Return the content of a file, None if there is no such file."""
    query = select(LoggedFile.sha256, LoggedFile.size).where(LoggedFile.path == path)
    row = session.execute(query).first()
    return Content(row.sha256, row.size) if row else None


def is_folder(session: Session, path: str) -> bool:
    """Return whether a file lies below a path."""
    return bool(session.scalar(select(exists().where(_below(path)))))


def entries(session: Session, folder: str) -> list[Entry]:
    """Return the files and folders in a folder by name; of a folder that is not there, none."""
    start = len(folder) + 2 if folder else 1  # counted from 1, after the slash
    rest = func.substr(LoggedFile.path, start)
    query = select(rest, LoggedFile.size)
    if folder:
        query = query.where(_below(folder))
    found: dict[str, int | None] = {}
    for relative, size in session.execute(query):
        name, slash, _ = relative.partition("/")
        found[name] = None if slash else size
    return [Entry(name, found[name]) for name in sorted(found)]


def remove(session: Session, path: str) -> None:
    """Delete a file, or a folder with all in it."""
    session.execute(delete(LoggedFile).where(or_(LoggedFile.path == path, _below(path))))


def used(session: Session, hashes: Iterable[str]) -> set[str]:
    """Return those of some contents that a file has."""
    found: set[str] = set()
    for chunk in bulk.chunks(sorted(hashes)):
        found |= set(session.scalars(select(LoggedFile.sha256).where(LoggedFile.sha256.in_(chunk))))
    return found


def _below(folder: str) -> ColumnElement[bool]:
    return and_(LoggedFile.path > f"{folder}/", LoggedFile.path < f"{folder}{AFTER_SLASH}")
