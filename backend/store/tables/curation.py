"""Tables of what people add to runs and experiments: tags, saved views, operations to undo."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.specification.params import JsonObject
from backend.store.engine import now_ms
from backend.store.tables.runs import CASCADE, Base, Experiment, Run


class RunTag(Base):
    """A tag of a run: a key, and a value that may be empty."""

    __tablename__ = "run_tags"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class ExperimentTag(Base):
    """A tag of an experiment: a key, and a value that may be empty."""

    __tablename__ = "experiment_tags"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey(Experiment.id, ondelete=CASCADE), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class SavedView(Base):
    """A named state of the list of runs: the parameters of its URL."""

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    query: Mapped[dict[str, str]] = mapped_column(JSON)


class Operation(Base):
    """A change to some runs or experiments, kept for a while so that it can be undone.

    `columns` and `tags` hold the new values; Edit holds the values that they replaced.
    """

    __tablename__ = "operations"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    owner: Mapped[str] = mapped_column(String(16))
    columns: Mapped[JsonObject] = mapped_column(JSON)
    tags: Mapped[dict[str, str | None]] = mapped_column(JSON)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms(), index=True)


class Edit(Base):
    """The value of one field of one run or experiment before an operation, as JSON.

    `field` is a column, or a tag as "tags.<key>"; null stands for a missing tag.
    """

    __tablename__ = "edits"
    __table_args__ = {"sqlite_with_rowid": False}

    operation_id: Mapped[int] = mapped_column(
        ForeignKey(Operation.id, ondelete=CASCADE), primary_key=True
    )
    target_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(String(260), primary_key=True)
    before: Mapped[str] = mapped_column(Text)
