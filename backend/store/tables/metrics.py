"""What runs measured, and what moved: written many times a second."""

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.tables.base import CASCADE, Base
from backend.store.tables.runs import Experiment, Run


class MetricKey(Base):
    """A metric's name, stored once, so that each of a billion points costs a small number."""

    __tablename__ = "metric_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)


class Metric(Base):
    """A stretch of one metric of one run: values that were written together, at their steps.

    Steps ascend from `first_step` to `last_step`; as little-endian int64 and float64, NaN allowed.
    No step is in two stretches of a series. Its bytes are read by `backend.store.metrics` alone.

    No foreign keys: PostgreSQL would spend much of a bulk write on checking them, and the summary
    of the same series, written in the same transaction, has them.
    """

    __tablename__ = "metrics"
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first_step: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    last_step: Mapped[int] = mapped_column(BigInteger)
    packed_steps: Mapped[bytes] = mapped_column(LargeBinary)
    packed_values: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_at: Mapped[int] = mapped_column(BigInteger)


class MetricSummary(Base):
    """What a list needs of one metric of one run; kept in the transaction that adds points.

    `at_best`, its value at the epoch of the lowest val_loss, is added when the run ends.
    """

    __tablename__ = "metric_summaries"
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    key_id: Mapped[int] = mapped_column(ForeignKey(MetricKey.id), primary_key=True)
    last: Mapped[float | None] = mapped_column(Float)
    last_step: Mapped[int] = mapped_column(BigInteger)
    min: Mapped[float | None] = mapped_column(Float)
    min_step: Mapped[int | None] = mapped_column(BigInteger)
    max: Mapped[float | None] = mapped_column(Float)
    max_step: Mapped[int | None] = mapped_column(BigInteger)
    at_best: Mapped[float | None] = mapped_column(Float)


class Change(Base):
    """What moved, in commit order: the live stream is this table, read forward.

    `revision` comes from the experiment's counter, whose row lock makes the order of revisions
    the order of commits, so a reader that has seen revision r has seen all before it. A metric
    change covers the steps `first_step` to `last_step` of its run.
    """

    __tablename__ = "changes"
    __table_args__ = (
        Index(None, "run_id", "revision"),
        {"sqlite_with_rowid": False},
    )

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey(Experiment.id, ondelete=CASCADE), primary_key=True
    )
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE))
    kind: Mapped[str] = mapped_column(String(16))
    first_step: Mapped[int | None] = mapped_column(BigInteger)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
