"""A pair of train and validation loss, ready for the diagnosis."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.diagnosis import Curve
from backend.series import Series


@dataclass(frozen=True)
class LossPair:
    """Train and validation loss over steps, and the accuracies if there are any.

    `names` are the names of the train and the validation series. `remarks` are the assumptions
    made. `unit` is the word for a step. `best_logged_at` is the step at which a client
    logged the lowest validation loss, None for losses from a file.
    """

    train: Series
    validation: Series
    accuracy: Series | None
    names: tuple[str, str]
    remarks: Sequence[str] = ()
    unit: str = "epoch"
    best_logged_at: int | None = None
    train_accuracy: Series | None = None

    @property
    def curve(self) -> Curve:
        """The losses at the steps of validation."""
        return Curve.from_series(self.train, self.validation, unit=self.unit)
