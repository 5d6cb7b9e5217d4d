"""Add runs that other programs train and log here."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

UNDELETED_EXTERNAL = sa.text("origin = 'external' AND deleted_at IS NULL")


def upgrade() -> None:
    op.add_column(
        "experiments",
        sa.Column("origin", sa.String(16), nullable=False, server_default="specification"),
    )
    op.add_column("experiments", sa.Column("roles", sa.JSON()))
    op.add_column("experiments", sa.Column("pairing", sa.JSON()))
    op.add_column("metric_summaries", sa.Column("last_timestamp", sa.BigInteger()))
    if op.get_bind().dialect.name == "postgresql":  # SQLite does not enforce the length
        op.alter_column("experiments", "name", type_=sa.String(500))
    op.create_index(
        "uq_experiments_external_name",
        "experiments",
        ["name"],
        unique=True,
        sqlite_where=UNDELETED_EXTERNAL,
        postgresql_where=UNDELETED_EXTERNAL,
    )
    _create_external_runs()
    _create_logged_points()
    _create_run_datasets()


def _create_external_runs() -> None:
    op.create_table(
        "external_runs",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(256), nullable=False),
        sa.Column("run_name", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("client_status", sa.String(16)),
        sa.Column("start_time", sa.BigInteger()),
        sa.Column("end_time", sa.BigInteger()),
        sa.Column("batches", sa.Integer(), nullable=False),
        sa.Column("split_batches", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("longest_pause", sa.BigInteger(), nullable=False),
        sa.Column("pairing", sa.JSON()),
        sa.Column("diagnosed_batches", sa.Integer(), nullable=False),
        sa.Column("best_epoch", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_external_runs_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_external_runs")),
        sa.UniqueConstraint("external_id", name=op.f("uq_external_runs_external_id")),
    )


def _create_logged_points() -> None:
    op.create_table(
        "logged_points",
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("packed_keys", sa.LargeBinary()),
        sa.Column("packed_steps", sa.LargeBinary(), nullable=False),
        sa.Column("packed_timestamps", sa.LargeBinary(), nullable=False),
        sa.Column("packed_values", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "key_id", "batch", name=op.f("pk_logged_points")),
        sqlite_with_rowid=False,
    )


def _create_run_datasets() -> None:
    op.create_table(
        "run_datasets",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("digest", sa.String(100), nullable=False),
        sa.Column("context", sa.Text()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_run_datasets_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", "digest", name=op.f("pk_run_datasets")),
    )
