"""Tables of metrics and of the log of changes, written many times per second."""

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.tables.runs import CASCADE, Base, Experiment, Run


class MetricKey(Base):
    """The name of a metric, stored once, so that a point only stores a small number."""

    __tablename__ = "metric_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)


class Metric(Base):
    """A chunk of one metric of one run: values that were written together, with their steps.

    Steps ascend from `first_step` to `last_step`; they are stored as little-endian int64, values as
    float64, NaN allowed. No step is in two chunks of a series. Only `backend.store.metrics` reads
    the bytes.

    There are no foreign keys: PostgreSQL would spend much of a bulk write on checking them, and the
    summary of the same series, which is written in the same transaction, has them.
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
    """Summary of one metric of one run for lists, updated in the transaction that adds points.

    `at_best` is the value at the epoch of the lowest val_loss; it is added when the run ends. Only
    the last value of a metric that was logged from outside has a `last_timestamp`.
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
    last_timestamp: Mapped[int | None] = mapped_column(BigInteger)


class CurveSummary(Base):
    """Summary of one loss of an external run, under the name that runs trained here have for it.

    The losses are found among the metrics of the run, cleaned and put on one axis. Their points are
    in the table of metrics, as those of runs trained here.
    """

    __tablename__ = "curve_summaries"
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
    """A change of a run, in commit order: the live stream reads this table forward.

    `revision` comes from the experiment's counter. The lock on that row makes the order of
    revisions the order of commits, so a reader that has seen a revision has seen all earlier ones.
    A change of kind metric covers the steps `first_step` to `last_step` of its run.
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
