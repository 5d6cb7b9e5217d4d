"""The diagnosis of a pair of losses, and where early stopping would have fired on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backend.diagnosis import Diagnosis, diagnose
from backend.diagnosis.stopping_rules import Criterion, early_stop_step
from backend.pairing import LossPair
from backend.series import Series

DEFAULT_CRITERION = "patience"
DEFAULT_SETTINGS: Mapping[str, float] = {"patience": 20}


@dataclass(frozen=True)
class FitReport:
    """A diagnosis and an early-stopping step. `pair` is None if there were no losses to diagnose.

    `notes` are assumptions made while the losses were read, and points left out.
    """

    diagnosis: Diagnosis
    early_stop_step: float | None = None
    unit: str = "epoch"
    pair: LossPair | None = None
    notes: Sequence[str] = ()


def report_on(pair: LossPair, criterion: Criterion, notes: Sequence[str] = ()) -> FitReport:
    """Diagnose a pair of losses, and replay a new early-stopping criterion on them."""
    diagnosis = diagnose(pair.curve, accuracy=pair.accuracy, train_accuracy=pair.train_accuracy)
    stop = early_stop_step(criterion, losses_by_step(pair))
    return FitReport(diagnosis, stop, pair.unit, pair, (*notes, *pair.remarks))


def losses_by_step(pair: LossPair) -> Iterator[tuple[int, float, float]]:
    """Yield step, train and validation loss. A loss that is not finite never improves."""
    curve, validation = pair.curve, pair.validation
    train = Series(curve.steps, curve.train).values_at(validation.steps)
    columns = (validation.steps, train, validation.values)
    return zip(*(column.tolist() for column in columns), strict=True)
