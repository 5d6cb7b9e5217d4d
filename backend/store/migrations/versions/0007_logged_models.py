"""Add models and files that external runs log."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# by bytes, so that the files of a folder are neighbours
PATH = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _create_logged_models()
    _create_logged_model_metrics()
    _create_run_models()
    _create_logged_files()


def _create_logged_models() -> None:
    op.create_table(
        "logged_models",
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("model_type", sa.Text(), nullable=False),
        sa.Column("source_run_id", sa.String(256), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_logged_models_experiment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_logged_models")),
    )
    op.create_index("ix_logged_models_experiment_id", "logged_models", ["experiment_id"])


def _create_logged_model_metrics() -> None:
    op.create_table(
        "logged_model_metrics",
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("timestamp", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.String(256), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("dataset_name", sa.Text()),
        sa.Column("dataset_digest", sa.Text()),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["logged_models.model_id"],
            name=op.f("fk_logged_model_metrics_model_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "model_id", "key", "step", "timestamp", "run_id", name=op.f("pk_logged_model_metrics")
        ),
    )


def _create_run_models() -> None:
    op.create_table(
        "run_models",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_run_models_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "role", "model_id", name=op.f("pk_run_models")),
    )


def _create_logged_files() -> None:
    op.create_table(
        "logged_files",
        sa.Column("path", PATH, nullable=False),
        sa.Column("experiment_id", sa.Integer()),
        sa.Column("run_id", sa.Integer()),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_logged_files_experiment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_logged_files_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_logged_files")),
    )
    for column in ("experiment_id", "run_id", "sha256"):
        op.create_index(f"ix_logged_files_{column}", "logged_files", [column])
