"""Add the summaries of the diagnosed losses of external runs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "curve_summaries",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("last", sa.Float()),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("min", sa.Float()),
        sa.Column("min_step", sa.BigInteger()),
        sa.Column("max", sa.Float()),
        sa.Column("max_step", sa.BigInteger()),
        sa.Column("at_best", sa.Float()),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_curve_summaries_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["metric_keys.id"], name=op.f("fk_curve_summaries_key_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "key_id", name=op.f("pk_curve_summaries")),
        sqlite_with_rowid=False,
    )
