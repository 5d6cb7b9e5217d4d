"""Add the kind and severity of overfitting; "memorised noise" becomes a kind of it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

LISTED = (
    *("deleted_at", "archived", "pinned", "id", "experiment_id", "status", "verdict"),
    *("kind", "severity", "parameters", "early_stop_epoch"),
)
AT_ONCE = 1000  # diagnoses in memory

RUNS = sa.table(
    "runs",
    sa.column("id", sa.Integer),
    sa.column("verdict", sa.String),
    sa.column("kind", sa.String),
    sa.column("severity", sa.String),
    sa.column("diagnosis", sa.JSON),
)


def upgrade() -> None:
    op.add_column("runs", sa.Column("kind", sa.String(20), nullable=True))
    op.add_column("runs", sa.Column("severity", sa.String(10), nullable=True))
    op.drop_index("ix_runs_listed", "runs")
    op.create_index("ix_runs_listed", "runs", list(LISTED))
    _name_kinds()


def _name_kinds() -> None:
    connection, last = op.get_bind(), 0
    judged = RUNS.c.verdict.in_(["overfitting", "memorised noise"])
    while True:
        query = sa.select(RUNS.c.id, RUNS.c.verdict, RUNS.c.diagnosis)
        page = query.where(judged, RUNS.c.id > last).order_by(RUNS.c.id).limit(AT_ONCE)
        rows = connection.execute(page).all()
        if not rows:
            return
        last = rows[-1].id
        for row in rows:
            changed = sa.update(RUNS).where(RUNS.c.id == row.id)
            connection.execute(changed.values(**_renamed(row.verdict, row.diagnosis or {})))


def _renamed(verdict: str, diagnosis: dict[str, Any]) -> dict[str, Any]:
    """Return the new columns of a run, from the verdict of an older release."""
    rule = str(diagnosis.get("rule", ""))
    if verdict == "memorised noise":
        kind = "gap" if rule.endswith("near-zero-train") else "memorised"
        named = {"kind": kind, "severity": "severe"}
    else:
        named = {"kind": "past its best", "severity": rule.rpartition(".")[2] or "moderate"}
    verdicts = {"verdict": "overfitting", "overfitting": True}
    return {"verdict": "overfitting", **named, "diagnosis": {**diagnosis, **verdicts, **named}}
