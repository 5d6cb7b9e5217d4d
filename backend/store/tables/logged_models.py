"""Tables of models and files that external runs log."""

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.engine import now_ms
from backend.store.tables.runs import CASCADE, Base, Experiment, Run

# Files of a folder are neighbours in the order of bytes, but not in that of every language.
PATH = Text().with_variant(Text(collation="C"), "postgresql")


class LoggedModel(Base):
    """A model that a client describes. `source_run_id` is the client's id of the run it is from.

    `status` is the client's word. A model with a `deleted_at` is hidden.
    """

    __tablename__ = "logged_models"

    model_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    experiment_id: Mapped[int] = mapped_column(
        ForeignKey(Experiment.id, ondelete=CASCADE), index=True
    )
    name: Mapped[str] = mapped_column(String(500))
    model_type: Mapped[str] = mapped_column(Text)
    source_run_id: Mapped[str] = mapped_column(String(256))
    status: Mapped[str] = mapped_column(String(40))
    params: Mapped[dict[str, str]] = mapped_column(JSON)
    tags: Mapped[dict[str, str]] = mapped_column(JSON)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
    updated_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)


class LoggedModelMetric(Base):
    """A metric of a logged model, measured by a run, maybe on a data set. NULL stands for NaN."""

    __tablename__ = "logged_model_metrics"

    model_id: Mapped[str] = mapped_column(
        ForeignKey(LoggedModel.model_id, ondelete=CASCADE), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    timestamp: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    run_id: Mapped[str] = mapped_column(String(256), primary_key=True)
    value: Mapped[float | None] = mapped_column(Float)
    dataset_name: Mapped[str | None] = mapped_column(Text)
    dataset_digest: Mapped[str | None] = mapped_column(Text)


class RunModel(Base):
    """A logged model that a run uses or makes: `role` is "input" or "output"."""

    __tablename__ = "run_models"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    role: Mapped[str] = mapped_column(String(8), primary_key=True)
    model_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger)


class LoggedFile(Base):
    """A file that a client stores under a path. The path names no file on disk: `sha256` does.

    A file belongs to the experiment and run whose ids begin its path, and is removed with them.
    """

    __tablename__ = "logged_files"

    path: Mapped[str] = mapped_column(PATH, primary_key=True)
    experiment_id: Mapped[int | None] = mapped_column(
        ForeignKey(Experiment.id, ondelete=CASCADE), index=True
    )
    run_id: Mapped[int | None] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), index=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    written_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
