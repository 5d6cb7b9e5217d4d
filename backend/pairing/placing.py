"""Two series of a run as a pair of losses: cleaned, and placed on a common axis."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from backend.pairing import leftovers
from backend.pairing.axes import AxisName, OnAxis, counts_differ, on_epochs, on_steps, on_time
from backend.pairing.logged_points import LoggedPoints, by_step
from backend.pairing.loss_pair import LossPair
from backend.pairing.name_pairs import NamePair

Metrics = Mapping[str, LoggedPoints]
"""The points of each metric. A mapping may read them on access: few of many are asked for."""

EPOCH_KEYS = ("epoch", "train/epoch", "Epoch", "epochs")
STOP_KEYS = ("stopped_epoch", "stopped_iteration")
TRAINING_ENDED_KEYS = ("train_runtime", "train/train_runtime")  # of transformers, logged once

_WITHOUT_STEPS = "they are logged without steps"
_OTHER_COUNTERS = "their steps count different things"
_BY_CHOICE = "time was chosen as their axis"
_STEPS_ARE_EPOCHS = "their steps are taken for epochs, as chosen"


@dataclass(frozen=True)
class RunClues:
    """The metrics, params and tags of a run that explain its series."""

    metrics: Metrics
    params: Mapping[str, str]

    @property
    def names(self) -> Container[str]:
        """The names of all metrics, params and tags."""
        return _Names(self.metrics, self.params)

    def points(self, *names: str) -> LoggedPoints | None:
        """Return the points of the first of some metrics that the run has."""
        return next((self.metrics[name] for name in names if name in self.metrics), None)

    @property
    def stopped_at(self) -> int | None:
        """The step at which early stopping fired, None if the client logged no such step."""
        points = self.points(*STOP_KEYS)
        texts = [self.params[name] for name in STOP_KEYS if name in self.params]
        try:
            number = float(texts[0]) if points is None and texts else points and points.last
            return int(number) if number else None  # Keras logs 0 if it did not stop early
        except (ValueError, OverflowError):
            return None

    @property
    def ended_at(self) -> int | None:
        """The timestamp of the end of training, None if the client logged none."""
        points = self.points(*TRAINING_ENDED_KEYS)
        return int(points.timestamps[-1]) if points is not None and len(points) else None


@dataclass(frozen=True)
class _Names:
    """Names of two mappings, without reading their values."""

    metrics: Container[str]
    params: Container[str]

    def __contains__(self, name: object) -> bool:
        return name in self.metrics or name in self.params


def place_losses(
    train: LoggedPoints, validation: LoggedPoints, clues: RunClues, axis: AxisName | None
) -> tuple[OnAxis | None, list[str]]:
    """Return losses on their common axis, and remarks on the points left out.

    Return None instead of the losses if there is no axis: a single step and a single time.
    """
    remarks = []
    kept = leftovers.drop_after_training(train, validation, clues.ended_at)
    if len(kept) < len(validation):
        remarks.append(leftovers.AFTER_TRAINING)
    if not (train.is_curve and kept.is_curve):
        return on_time(train, kept, why=_WITHOUT_STEPS), remarks
    if axis == "time" or (axis is None and _needs_times(train, kept, clues)):
        return on_time(train, kept, why=_BY_CHOICE if axis else _OTHER_COUNTERS), remarks
    steps, left_out = _cleaned(by_step(train, averaged=True), by_step(kept), clues)
    placed = None if axis == "step" else on_epochs(*steps, clues.points(*EPOCH_KEYS))
    placed = placed or on_steps(*steps, clues.names)
    if axis is not None and placed.unit != axis:
        reason = _STEPS_ARE_EPOCHS if axis == "epoch" else placed.reason
        placed = replace(placed, unit=axis, reason=reason)
    return placed, remarks + left_out


def _needs_times(train: LoggedPoints, validation: LoggedPoints, clues: RunClues) -> bool:
    """Return whether only times can pair two losses, because their steps count differently."""
    return counts_differ(train, validation) and (
        on_epochs(by_step(train), by_step(validation), clues.points(*EPOCH_KEYS)) is None
    )


def _cleaned(
    train: LoggedPoints, validation: LoggedPoints, clues: RunClues
) -> tuple[tuple[LoggedPoints, LoggedPoints], list[str]]:
    """Drop the points that do not belong to training; return also remarks on them."""
    remarks = []
    if leftovers.has_restored_row(train, validation, clues.stopped_at):
        last = validation.steps[-1]
        train, validation = train.take(train.steps < last), validation.take(slice(0, -1))
        remarks.append(leftovers.RESTORED)
    validation, unpaired = leftovers.drop_unpaired_ends(train, validation)
    validation, checked = leftovers.drop_sanity_check(train, validation)
    remarks += [leftovers.AFTER_TRAINING] * unpaired + [leftovers.BEFORE_TRAINING] * checked
    return (train, validation), remarks


def as_pair(
    placed: OnAxis,
    accuracies: Sequence[LoggedPoints | None],
    names: NamePair,
    remarks: list[str],
) -> LossPair:
    """Return the pair of losses on an axis, with validation and train accuracy on it."""
    if len(placed.validation) and not len(placed.validation.finite):
        remarks = [*remarks, "validation: its loss is never a finite number"]
    accuracy, on_train = (
        None if points is None or len(points) < 2 else placed.placed(points)
        for points in accuracies
    )
    return LossPair(
        placed.train,
        placed.validation,
        accuracy,
        names,
        remarks,
        placed.unit,
        placed.best_logged_at,
        on_train,
    )
