"""Tables of the artifacts of runs: weights, fits, predictions, data points."""

from sqlalchemy import ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.tables.runs import CASCADE, Base, Run


class Checkpoint(Base):
    """The state from which a run can resume, as safetensors; deleted when the run ends."""

    __tablename__ = "checkpoints"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer)
    tensors: Mapped[bytes] = mapped_column(LargeBinary)


class Snapshot(Base):
    """The weights at the best or last epoch, and the fitted function there for its drawing.

    Both are safetensors files; `fit` is None if the inputs have more than two dimensions.
    """

    __tablename__ = "snapshots"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer)
    weights: Mapped[bytes] = mapped_column(LargeBinary)
    fit: Mapped[bytes | None] = mapped_column(LargeBinary)


class Frame(Base):
    """A coarse fit of a run at one epoch: values at the points of a grid, the first axis fastest.

    For one input, predictions as little-endian float32. For two inputs, the probability of the
    second class as a byte, 255 for 1. The axes of the grid are stored with the run's samples.
    """

    __tablename__ = "frames"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True)
    fit: Mapped[bytes] = mapped_column(LargeBinary)


class Prediction(Base):
    """Outputs of a run's model for the first test samples after one epoch, as safetensors."""

    __tablename__ = "predictions"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    outputs: Mapped[bytes] = mapped_column(LargeBinary)


class Sample(Base):
    """The data points drawn with a run's fit, and the axes of its frames, as safetensors."""

    __tablename__ = "samples"

    run_id: Mapped[int] = mapped_column(ForeignKey(Run.id, ondelete=CASCADE), primary_key=True)
    points: Mapped[bytes] = mapped_column(LargeBinary)
