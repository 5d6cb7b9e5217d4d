"""The callback for the Trainer of Hugging Face transformers."""

from typing import Any

from overfit_lab.follow import Follower, Judged
from overfit_lab.runs import Run

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("overfit_lab.transformers needs the package transformers.") from error


class LabCallback(Judged, TrainerCallback):  # type: ignore[misc]  # transformers may be missing
    """Logs what the Trainer logs, and ends training when a criterion fires.

    ``Trainer(..., callbacks=[LabCallback(stop_when="overfitting")])``, with an `eval_strategy`.
    """

    def __init__(
        self, stop_when: str | None = None, *, run: Run | None = None, **settings: float
    ) -> None:
        self._follower = Follower(run, stop_when, settings)

    def on_log(
        self,
        args: Any,  # noqa: ARG002
        state: Any,
        control: Any,
        logs: dict[str, Any],
        **_: Any,
    ) -> None:
        """Log the metrics of a step; of several processes, the first does it."""
        if state.is_world_process_zero and self._follower.follow(logs, state.global_step):
            control.should_training_stop = True
