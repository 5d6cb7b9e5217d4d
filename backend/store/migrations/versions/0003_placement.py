"""Add the device and the priority of an experiment."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "experiments", sa.Column("device", sa.String(8), nullable=False, server_default="any")
    )
    op.add_column(
        "experiments", sa.Column("priority", sa.Integer(), nullable=False, server_default="1")
    )
