"""Writes tests/data/events: event files made with TensorBoard's own library.

Run it where tensorboard is installed: `python -m tests.make_event_files`. The tests do not
depend on it. Losses are simple values under run/, and tensors under keras/train and
keras/validation, as TensorFlow 2 writes them.
"""

from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter

TARGET = Path(__file__).parent / "data" / "events"
TRAIN = [2.0**-e for e in range(12)]
VALIDATION = [1.0, 0.5, 0.25, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25]


def simple(tag: str, value: float) -> Summary.Value:
    """Return a scalar as PyTorch's SummaryWriter writes it."""
    return Summary.Value(tag=tag, simple_value=value)


def tensor(tag: str, value: float) -> Summary.Value:
    """Return a scalar as TensorFlow 2 writes it."""
    return Summary.Value(tag=tag, tensor=TensorProto(dtype="DT_FLOAT", float_val=[value]))


def write(folder: Path, rows: list[Mapping[str, float]], *, tensors: bool) -> None:
    """Write an event file with one event per row."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = EventFileWriter(str(folder))
    encode = tensor if tensors else simple
    for step, row in enumerate(rows):
        values = [encode(tag, value) for tag, value in row.items()]
        writer.add_event(Event(step=step, wall_time=step, summary=Summary(value=values)))
    writer.close()
    (event_file,) = folder.glob("events.out.tfevents.*")
    event_file.rename(folder / "events.out.tfevents.0")


if __name__ == "__main__":
    pairs = zip(TRAIN, VALIDATION, strict=True)
    write(TARGET / "run", [{"Loss/train": t, "Loss/val": v} for t, v in pairs], tensors=False)
    for part, losses in (("train", TRAIN), ("validation", VALIDATION)):
        rows: list[Mapping[str, float]] = [{"epoch_loss": loss} for loss in losses]
        write(TARGET / "keras" / part, rows, tensors=True)
