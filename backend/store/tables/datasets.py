"""Table of the data sets that people have added."""

from sqlalchemy import JSON, BigInteger, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.access.identity import MAX_TOKEN_NAME, current_identity
from backend.specification.params import JsonObject
from backend.store.engine import now_ms
from backend.store.tables.runs import Base

LIVE = "deleted_at IS NULL"


class Dataset(Base):
    """A table that a person has added, with one target. Another target is another version.

    `file_sha256` is the hash of the uploaded file, `columns_sha256` that of the column file, which
    several rows can share. `description` holds the columns and their previews, `choice` what the
    target means for them. `source` is the name under which runs refer to the version, NULL without
    a target. A row with a `deleted_at` describes a version that only runs refer to.
    """

    __tablename__ = "datasets"
    __table_args__ = (
        Index(
            "ix_datasets_live_name", "name", unique=True,
            sqlite_where=text(LIVE), postgresql_where=text(LIVE),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    source: Mapped[str | None] = mapped_column(String(120), index=True)
    file_name: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str] = mapped_column(String(64))
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    columns_sha256: Mapped[str] = mapped_column(String(64), index=True)
    row_count: Mapped[int] = mapped_column(BigInteger)
    target: Mapped[str | None] = mapped_column(Text)
    task: Mapped[str | None] = mapped_column(String(16))
    description: Mapped[JsonObject] = mapped_column(JSON)
    choice: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)
    owner: Mapped[str | None] = mapped_column(
        String(MAX_TOKEN_NAME), default=lambda: current_identity().name
    )
