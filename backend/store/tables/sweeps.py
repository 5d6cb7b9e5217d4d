"""Tables of sweeps: runs that are planned here and trained by commands on people's machines."""

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.tables.runs import CASCADE, Base, Experiment, Run


class Sweep(Base):
    """A grid of params whose runs are commands. The commands are known only to the agents.

    `options` has the spelling of each param on the command line, such as n-train for n_train.
    `command_digest` tells a wrong command from the right one. A run that gets the verdict
    `stop_when` is stopped.
    """

    __tablename__ = "sweeps"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey(Experiment.id, ondelete=CASCADE), primary_key=True
    )
    options: Mapped[dict[str, str]] = mapped_column(JSON)
    command_digest: Mapped[str] = mapped_column(String(64))
    stop_when: Mapped[str | None] = mapped_column(String(40))


class PlannedRun(Base):
    """The part of an external run that an agent starts: queued, leased and ended like others here.

    The client's id of the run is `base_id` with the number of the attempt, so a program of an
    earlier attempt can no longer log. `exit_code` is that of the command, negative for a signal.
    `console_bytes` counts the output of the attempt, which ConsoleChunk keeps in part. With
    `has_reading`, the points were read in the output, because the program itself logged none.
    """

    __tablename__ = "planned_runs"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    base_id: Mapped[str] = mapped_column(String(32), unique=True)
    exit_code: Mapped[int | None] = mapped_column(Integer)
    console_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    has_reading: Mapped[bool] = mapped_column(Boolean, default=False)


class ConsoleChunk(Base):
    """A piece of a command's output, in UTF-8. `start` is its place in the whole output."""

    __tablename__ = "console_chunks"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
