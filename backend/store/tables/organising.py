"""What a person did to keep runs and experiments in order."""

from sqlalchemy import JSON, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

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
