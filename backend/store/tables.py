"""The tables.

Times are whole milliseconds since 1970, UTC, by the database's clock; `recorded_at` alone is by the
clock of whoever measured.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backend.store.engine import now_ms

_CASCADE = "CASCADE"
MAX_ID = 2**31 - 1


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can speak of it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Experiment(Base):
    """A specification and its runs. `revision` counts the changes under it (see Change).

    A follow-up names the experiment it follows, and the run there whose diagnosis it answers;
    that run has no foreign key, for two tables cannot be made after one another.
    """

    __tablename__ = "experiments"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    estimated_seconds: Mapped[float] = mapped_column(Float)
    revision: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("experiments.id", ondelete="SET NULL"), index=True
    )
    parent_run_id: Mapped[int | None] = mapped_column(Integer)

    pinned: Mapped[bool] = mapped_column(Boolean, default=False)
    archived: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str | None] = mapped_column(Text)
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)


class Run(Base):
    """One run: its flat params, its state, who trains it until when, and what came of it.

    A run or experiment with a `deleted_at` is hidden until it is restored or, later, removed.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "experiment_id", "position", unique=True),
        Index(None, "status", "lease_expires_at"),
        # what a list filters and sorts by, beside the wide rows; nothing here moves each epoch
        Index(
            "ix_runs_listed",
            *("deleted_at", "archived", "pinned", "id", "experiment_id", "status", "verdict"),
            *("parameters", "early_stop_epoch"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey(Experiment.id, ondelete=_CASCADE))
    position: Mapped[int] = mapped_column(Integer)
    variant: Mapped[str | None] = mapped_column(String(80))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    parameters: Mapped[int] = mapped_column(Integer)

    portion: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(16), default="queued")
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    lease_expires_at: Mapped[int | None] = mapped_column(BigInteger)
    worker: Mapped[str | None] = mapped_column(String(200))
    workers_lost: Mapped[int] = mapped_column(Integer, default=0)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    sent_at: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[int | None] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(Text)

    epoch: Mapped[int] = mapped_column(Integer, default=0)
    reference_loss: Mapped[float | None] = mapped_column(Float)
    early_stop_epoch: Mapped[int | None] = mapped_column(Integer)
    verdict: Mapped[str | None] = mapped_column(String(40))
    diagnosis: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    pinned: Mapped[bool] = mapped_column(Boolean, default=False)
    archived: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str | None] = mapped_column(Text)
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)


class ParamKey(Base):
    """A param's dotted name, stored once."""

    __tablename__ = "param_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)


class Param(Base):
    """One param of one run as it is searched for: as text, and as a number where it is one.

    The keys come first: a search reads one param of all runs. No foreign keys, as in Metric.
    """

    __tablename__ = "params"
    __table_args__ = {"sqlite_with_rowid": False}

    key_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    run_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    number: Mapped[float | None] = mapped_column(Float)


class RunTag(Base):
    """A word that a person gave a run, with a value that may be empty."""

    __tablename__ = "run_tags"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=_CASCADE), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class ExperimentTag(Base):
    """A word that a person gave an experiment, with a value that may be empty."""

    __tablename__ = "experiment_tags"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey(Experiment.id, ondelete=_CASCADE), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class SavedView(Base):
    """A state of the list of runs that a person named: the query of its address, name by name."""

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    query: Mapped[dict[str, str]] = mapped_column(JSON)


class MetricKey(Base):
    """A metric's name, stored once, so that each of a billion points costs a small number."""

    __tablename__ = "metric_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)


class Metric(Base):
    """A stretch of one metric of one run: values that were written together, at their steps.

    Steps ascend from `first_step` to `last_step`; as little-endian int64 and float64, NaN allowed.
    No step is in two stretches of a series. To be read through `backend.store.metrics` alone.

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

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=_CASCADE), primary_key=True)
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
        ForeignKey(Experiment.id, ondelete=_CASCADE), primary_key=True
    )
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=_CASCADE))
    kind: Mapped[str] = mapped_column(String(16))
    first_step: Mapped[int | None] = mapped_column(BigInteger)
    last_step: Mapped[int | None] = mapped_column(BigInteger)


class Checkpoint(Base):
    """Where a running run can be taken up again: safetensors; deleted when the run ends."""

    __tablename__ = "checkpoints"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=_CASCADE), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer)
    tensors: Mapped[bytes] = mapped_column(LargeBinary)


class Snapshot(Base):
    """The weights at the best or last epoch, and the fitted function drawn there.

    Both are safetensors files; `fit` is None where inputs have more than two dimensions.
    """

    __tablename__ = "snapshots"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=_CASCADE), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer)
    weights: Mapped[bytes] = mapped_column(LargeBinary)
    fit: Mapped[bytes | None] = mapped_column(LargeBinary)


class Frame(Base):
    """A run's fit at one epoch, coarse: the values at the points of a grid, the first axis fastest.

    Over one input predictions, little-endian float32; over two inputs the probability of the second
    class as a byte, 255 for 1. The grid's axes are with the run's samples.
    """

    __tablename__ = "frames"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=_CASCADE), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True)
    fit: Mapped[bytes] = mapped_column(LargeBinary)


class Prediction(Base):
    """What a run's model answered to the first test samples after one epoch, as safetensors."""

    __tablename__ = "predictions"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=_CASCADE), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    outputs: Mapped[bytes] = mapped_column(LargeBinary)


class Sample(Base):
    """The data points of a run that are drawn beside its fit, and the axes of its frames.

    A safetensors file.
    """

    __tablename__ = "samples"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=_CASCADE), primary_key=True)
    points: Mapped[bytes] = mapped_column(LargeBinary)
