"""The part that all callbacks share: log the metrics of a framework, and decide when to stop."""

from collections.abc import Mapping
from typing import Any

from overfit_lab import session
from overfit_lab.criteria import check
from overfit_lab.fit import Fit
from overfit_lab.runs import Run


class Follower:
    """Follows a training for a callback.

    It logs to the given run, else to the current run, else to a new run that is not sent.
    `stop_when` is "overfitting", patience, gl, pq or up, and `settings` are those of the criterion;
    None never stops training.
    """

    def __init__(
        self, run: Run | None, stop_when: str | None, settings: Mapping[str, float]
    ) -> None:
        if stop_when is not None:
            check(stop_when, settings)
        self._run, self._stop_when, self._settings = run, stop_when, dict(settings)
        self.stopped_at: int | None = None

    @property
    def run(self) -> Run:
        """The run that is logged to."""
        if self._run is None:
            self._run = session.current_run() or session.init(mode="offline", quiet=True)
        return self._run

    @property
    def fit(self) -> Fit:
        """The diagnosis so far. Raises ValueError if there is no curve yet."""
        return self.run.diagnose(self._stop_when, **self._settings)

    def follow(self, metrics: Mapping[str, Any], step: int) -> bool:
        """Log metrics at a step; return whether training should stop now."""
        self.run.log(metrics, step)
        if self._stop_when is None or not self.run.should_stop(self._stop_when, **self._settings):
            return False
        if self.stopped_at is None:
            self.stopped_at = step
        return True


class Judged:
    """What every callback offers after training. The class sets its follower."""

    _follower: Follower

    @property
    def fit(self) -> Fit:
        """The diagnosis so far."""
        return self._follower.fit

    @property
    def stopped_at(self) -> int | None:
        """The epoch (in transformers the step) of the stop, None if training was not stopped."""
        return self._follower.stopped_at
