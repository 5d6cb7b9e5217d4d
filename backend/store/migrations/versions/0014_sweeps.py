"""Add sweeps: their planned runs, and the output of the commands that train these."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("command_digest", sa.String(64), nullable=False),
        sa.Column("stop_when", sa.String(40), nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name="fk_sweeps_experiment_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("experiment_id", name="pk_sweeps"),
    )
    op.create_table(
        "planned_runs",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("base_id", sa.String(32), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("console_bytes", sa.BigInteger(), nullable=False),
        sa.Column("has_reading", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_planned_runs_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name="pk_planned_runs"),
        sa.UniqueConstraint("base_id", name="uq_planned_runs_base_id"),
    )
    op.create_table(
        "console_chunks",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_console_chunks_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "start", name="pk_console_chunks"),
    )
