"""Tables of runs that other programs train and log here (external runs), and of their points."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.specification.params import JsonObject
from backend.store.engine import now_ms
from backend.store.tables.runs import CASCADE, Base, Experiment, Run


class ExternalRun(Base):
    """The part of an external run that a run trained here does not have. One row per such run.

    `external_id` is the id by which the client names the run. `client_status`, `start_time` and
    `end_time` are as the client reported them, in milliseconds since 1970. `batches` numbers the
    writes of points; those up to `split_batches` are stored by metric (see LoggedPoints).

    `last_seen_at` and `longest_pause` (in milliseconds, between two writes) decide when a silent
    run counts as lost. `pairing` names the metrics that were diagnosed, and `diagnosed_batches` is
    `batches` at that time. `best_epoch` is on the axis of the diagnosis.
    """

    __tablename__ = "external_runs"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(256), unique=True)
    run_name: Mapped[str] = mapped_column(Text)
    user_name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(16))
    client_status: Mapped[str | None] = mapped_column(String(16))
    start_time: Mapped[int | None] = mapped_column(BigInteger)
    end_time: Mapped[int | None] = mapped_column(BigInteger)
    batches: Mapped[int] = mapped_column(Integer, default=0)
    split_batches: Mapped[int] = mapped_column(Integer, default=0)
    last_seen_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
    longest_pause: Mapped[int] = mapped_column(BigInteger, default=0)
    pairing: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
    diagnosed_batches: Mapped[int] = mapped_column(Integer, default=0)
    best_epoch: Mapped[int | None] = mapped_column(BigInteger)


class LoggedPoints(Base):
    """Points of an external run, in the order in which they arrived. Nothing is overwritten.

    A batch is written as one row with the ids of its metrics packed next to the points, and
    `key_id` is 0. After some batches their points are moved to one row per metric, without
    `packed_keys`, so that one metric can be read alone. Ids are packed as little-endian int32,
    steps and timestamps (milliseconds since 1970, by the client's clock) as int64, and values as
    float64, NaN allowed. Only `backend.store.logged_points` reads the bytes.

    There are no foreign keys, for the reason given in Metric.
    """

    __tablename__ = "logged_points"
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key_id: Mapped[int] = mapped_column(
        Integer, primary_key=True, autoincrement=False, info={"least": 0}
    )
    batch: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first_step: Mapped[int] = mapped_column(BigInteger)
    last_step: Mapped[int] = mapped_column(BigInteger)
    packed_keys: Mapped[bytes | None] = mapped_column(LargeBinary)
    packed_steps: Mapped[bytes] = mapped_column(LargeBinary)
    packed_timestamps: Mapped[bytes] = mapped_column(LargeBinary)
    packed_values: Mapped[bytes] = mapped_column(LargeBinary)


class RunDataset(Base):
    """A data set that an external run used, as its client described it.

    `context` says what for, such as "training". `details` holds the other fields of the client.
    """

    __tablename__ = "run_datasets"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    name: Mapped[str] = mapped_column(String(500), primary_key=True)
    digest: Mapped[str] = mapped_column(String(100), primary_key=True)
    context: Mapped[str | None] = mapped_column(Text)
    details: Mapped[JsonObject] = mapped_column(JSON)


class ReceivedEntry(Base):
    """The digest of the id of a log entry of an external run, so that it is not logged twice."""

    __tablename__ = "received_entries"
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class ImportedRun(Base):
    """The digest of a run in a log, so that it is imported once into an experiment.

    The digest of a log that is followed is that of its name, because its content grows.
    """

    __tablename__ = "imported_runs"
    __table_args__ = {"sqlite_with_rowid": False}

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey(Experiment.id, ondelete=CASCADE), primary_key=True
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), index=True)
