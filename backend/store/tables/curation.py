"""What a person did to keep runs and experiments in order."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.engine import now_ms
from backend.store.tables.base import CASCADE, Base
from backend.store.tables.runs import Experiment, Run


class RunTag(Base):
    """A word that a person gave a run, with a value that may be empty."""

    __tablename__ = "run_tags"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class ExperimentTag(Base):
    """A word that a person gave an experiment, with a value that may be empty."""

    __tablename__ = "experiment_tags"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey(Experiment.id, ondelete=CASCADE), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class SavedView(Base):
    """A state of the list of runs that a person named: the query of its address, name by name."""

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    query: Mapped[dict[str, str]] = mapped_column(JSON)


class Operation(Base):
    """One thing a person did to some runs or experiments, kept for a while to be undone.

    `columns` and `tags` hold what was asked for; what that overwrote is in Edit.
    """

    __tablename__ = "operations"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    owner: Mapped[str] = mapped_column(String(16))
    columns: Mapped[dict[str, Any]] = mapped_column(JSON)
    tags: Mapped[dict[str, str | None]] = mapped_column(JSON)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms(), index=True)


class Edit(Base):
    """What one field of one run or experiment held before an operation changed it, as JSON.

    `field` is a column, or a tag as "tags.<key>"; null stands for a tag that was not there.
    """

    __tablename__ = "edits"
    __table_args__ = {"sqlite_with_rowid": False}

    operation_id: Mapped[int] = mapped_column(
        ForeignKey(Operation.id, ondelete=CASCADE), primary_key=True
    )
    target_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(String(260), primary_key=True)
    before: Mapped[str] = mapped_column(Text)
