"""The callback for Keras 3 and for tf.keras, whichever is installed."""

from typing import Any

from overfit_lab.follow import Follower, Judged
from overfit_lab.runs import Run

try:
    from keras.callbacks import Callback
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("overfit_lab.keras needs the package keras.") from error


class LabCallback(Judged, Callback):  # type: ignore[misc]  # keras has no types
    """Logs every epoch, and ends `fit` when a criterion fires.

    ``model.fit(..., validation_data=..., callbacks=[LabCallback(stop_when="overfitting")])``
    """

    def __init__(
        self, stop_when: str | None = None, *, run: Run | None = None, **settings: float
    ) -> None:
        super().__init__()
        self._follower = Follower(run, stop_when, settings)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the metrics of an epoch."""
        if self._follower.follow(logs or {}, epoch):
            self.model.stop_training = True
