"""Output of commands: the first part and the last part of each attempt are kept."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from backend.store.tables import ConsoleChunk, PlannedRun

CHUNK_BYTES = 65_536
HEAD_BYTES = 65_536  # kept of the beginning, where programs print their settings


@dataclass(frozen=True)
class Piece:
    """A piece of the output that was kept without a gap, and its place in the whole output."""

    start: int
    content: bytes

    @property
    def end(self) -> int:
        """The place after the last byte."""
        return self.start + len(self.content)


def append(session: Session, run_id: int, piece: Piece, *, keep: int) -> None:
    """Add output to that of a run, and remove what is older than the last `keep` bytes.

    Output that was received before is left out, so a repeated request changes nothing.
    """
    known = session.execute(
        select(PlannedRun.console_bytes).where(PlannedRun.run_id == run_id)
    ).scalar_one()
    if piece.end <= known:
        return
    new = Piece(max(known, piece.start), piece.content[max(0, known - piece.start) :])
    rows = [
        {
            "run_id": run_id,
            "start": new.start + offset,
            "content": new.content[offset : offset + CHUNK_BYTES],
        }
        for offset in range(0, len(new.content), CHUNK_BYTES)
    ]
    session.execute(insert(ConsoleChunk), rows)
    session.execute(
        update(PlannedRun).where(PlannedRun.run_id == run_id).values(console_bytes=new.end)
    )
    session.execute(
        delete(ConsoleChunk).where(
            ConsoleChunk.run_id == run_id,
            ConsoleChunk.start >= HEAD_BYTES,
            ConsoleChunk.start <= new.end - keep - CHUNK_BYTES,
        )
    )


def read(session: Session, run_id: int, *, after: int = 0) -> list[Piece]:
    """Return the kept output of a run from a place on; neighbouring chunks are joined."""
    rows = session.execute(
        select(ConsoleChunk.start, ConsoleChunk.content)
        .where(ConsoleChunk.run_id == run_id, ConsoleChunk.start > after - CHUNK_BYTES)
        .order_by(ConsoleChunk.start)
    )
    parts: list[list[Piece]] = []
    for start, content in rows:
        piece = Piece(max(start, after), content[max(0, after - start) :])
        if not piece.content:
            continue
        if parts and parts[-1][-1].end == piece.start:
            parts[-1].append(piece)
        else:
            parts.append([piece])
    return [Piece(group[0].start, b"".join(piece.content for piece in group)) for group in parts]
