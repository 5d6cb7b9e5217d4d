"""Bulk writes: statements to PostgreSQL are bounded in bytes."""

from typing import Any

import pytest
from sqlalchemy import event, select

from backend.store import Database, artifacts, bulk
from backend.store.artifacts import SnapshotKind
from backend.store.tables import Snapshot
from tests.scenes import SCENES, write_scene

Row = tuple[int, SnapshotKind, int, bytes, bytes | None]


def test_statements_to_postgresql_have_bounded_size(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, sent = Database(postgresql_url), []
    _, ids = write_scene(database, SCENES["seeds"])
    sizes = [400, 300, 600, 2_000, 0, 900, 100]  # bytes of models; some have a fit as well
    rows: list[Row] = [
        (run_id, "best", 7, bytes([place]) * size, b"\0\xff" * 50 if place % 2 else None)
        for place, (run_id, size) in enumerate(zip(ids, sizes, strict=False))
    ]

    def note(_c: Any, _cursor: Any, _statement: str, statements: Any, *_: Any) -> None:
        sent.append(sum(len(statement) for statement in statements[3] + statements[4] if statement))

    monkeypatch.setattr(bulk, "STATEMENT_BYTES", 1_000)
    event.listen(database.engine, "before_cursor_execute", note)
    with database.write() as session:
        artifacts.put_snapshots(session, rows)
    event.remove(database.engine, "before_cursor_execute", note)
    with database.read() as session:
        snapshots = session.execute(select(*Snapshot.__table__.columns)).all()
    database.dispose()
    assert sent == [800, 600, 2_100, 0 + 1_000, 100]
    assert sorted(map(tuple, snapshots)) == sorted(rows)
