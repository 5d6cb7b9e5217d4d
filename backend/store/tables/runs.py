"""Tables of experiments and runs, and the base class of all tables."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backend.access.identity import MAX_TOKEN_NAME, current_identity
from backend.specification.params import JsonObject
from backend.store.engine import now_ms

CASCADE = "CASCADE"
MAX_ID = 2**31 - 1  # the largest value of a PostgreSQL integer
UNDELETED_EXTERNAL = "origin = 'external' AND deleted_at IS NULL"


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can refer to it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Experiment(Base):
    """A specification and its runs. `revision` counts the changes of its runs (see Change).

    The runs of an experiment with the origin "external" are trained and logged by other programs;
    it has no specification. `roles` and `pairing` are what a person chose for such runs: the params
    that are data size, capacity and seed, and the metrics to diagnose.

    A follow-up names the experiment that it follows, and the run there whose diagnosis it answers.
    The run has no foreign key, because two tables cannot each be created before the other. `device`
    is a name in backend.specification.placement, `priority` its rank there: a larger rank is more
    urgent. `owner` is the name of the token that created it, in whichever way, null if the service
    required no token.
    """

    __tablename__ = "experiments"
    __table_args__ = (
        Index(
            "uq_experiments_external_name",
            "name",
            unique=True,
            sqlite_where=text(UNDELETED_EXTERNAL),
            postgresql_where=text(UNDELETED_EXTERNAL),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    # SQLite does not enforce the length, and cannot change the type of a column
    name: Mapped[str] = mapped_column(String(200).with_variant(String(500), "postgresql"))
    origin: Mapped[str] = mapped_column(String(16), default="specification")
    spec: Mapped[JsonObject | None] = mapped_column(JSON, nullable=False)  # None is JSON null
    roles: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
    pairing: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
    estimated_seconds: Mapped[float] = mapped_column(Float)
    device: Mapped[str] = mapped_column(String(8), default="any")
    priority: Mapped[int] = mapped_column(Integer, default=1)
    revision: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("experiments.id", ondelete="SET NULL"), index=True
    )
    parent_run_id: Mapped[int | None] = mapped_column(Integer)
    owner: Mapped[str | None] = mapped_column(
        String(MAX_TOKEN_NAME), default=lambda: current_identity().name
    )

    pinned: Mapped[bool] = mapped_column(Boolean, default=False)
    archived: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str | None] = mapped_column(Text)
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)


class Run(Base):
    """One run: its flat hyperparameters, state, lease and results.

    The params of an external run are texts under any names; see ExternalRun. `parameters` is the
    number of weights of the model, 0 if it is unknown. `portion` is the number of the group of runs
    that one worker trains together. A run or experiment with a `deleted_at` is hidden until it is
    restored or, later, removed.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "experiment_id", "position", unique=True),
        Index(None, "status", "lease_expires_at"),
        # columns that lists filter and sort by, without the wide rows; none changes at each epoch
        Index(
            "ix_runs_listed",
            *("deleted_at", "archived", "pinned", "id", "experiment_id", "status", "verdict"),
            *("kind", "severity", "parameters", "early_stop_epoch"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey(Experiment.id, ondelete=CASCADE))
    position: Mapped[int] = mapped_column(Integer)
    variant: Mapped[str | None] = mapped_column(String(80))
    params: Mapped[JsonObject] = mapped_column(JSON)
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
    kind: Mapped[str | None] = mapped_column(String(20))
    severity: Mapped[str | None] = mapped_column(String(10))
    diagnosis: Mapped[JsonObject | None] = mapped_column(JSON)

    pinned: Mapped[bool] = mapped_column(Boolean, default=False)
    archived: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str | None] = mapped_column(Text)
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)


class ParamKey(Base):
    """The dotted path of a hyperparameter, stored once."""

    __tablename__ = "param_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(250), unique=True)


class Param(Base):
    """A hyperparameter of a run for filters: as text, and as a number if it is one.

    The key comes first in the primary key, because a filter reads one hyperparameter of all runs.
    There are no foreign keys, for the reason given in Metric.
    """

    __tablename__ = "params"
    __table_args__ = {"sqlite_with_rowid": False}

    key_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    run_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    number: Mapped[float | None] = mapped_column(Float)
