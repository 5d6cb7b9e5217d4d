"""The callback for PyTorch Lightning, imported as `lightning` or as `pytorch_lightning`."""

import sys
from importlib import import_module
from typing import Any

from overfit_lab.follow import Follower, Judged
from overfit_lab.runs import Run

NAMES = ("lightning.pytorch", "pytorch_lightning")


def _callback_class() -> Any:
    """Return the base class of the package that the script has imported, else of the first found.

    A trainer of either package accepts callbacks of both, because it calls hooks by their names.
    """
    for name in sorted(NAMES, key=lambda name: name not in sys.modules):
        try:
            return import_module(name).Callback
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(
        "overfit_lab.lightning needs the package lightning or pytorch_lightning."
    )


class LabCallback(Judged, _callback_class()):  # type: ignore[misc]  # one of two classes
    """Logs every epoch of training, and ends `Trainer.fit` when a criterion fires.

    ``Trainer(callbacks=[LabCallback(stop_when="overfitting")])``. The metrics are those that the
    module logs. The sanity check before training is not logged.
    """

    def __init__(
        self, stop_when: str | None = None, *, run: Run | None = None, **settings: float
    ) -> None:
        super().__init__()
        self._follower = Follower(run, stop_when, settings)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Log the metrics of an epoch; of several processes, the first does it."""
        stop = False
        if trainer.is_global_zero:
            stop = self._follower.follow(dict(trainer.callback_metrics), trainer.current_epoch)
        if trainer.strategy.broadcast(stop):
            trainer.should_stop = True
