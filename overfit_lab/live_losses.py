"""The losses of a run while it trains: kept locally, paired and judged without a server."""

from array import array
from collections.abc import Mapping

import numpy as np

from backend.pairing import Chosen, LoggedPoints, Pairing, pair_losses
from backend.pairing.pairing import is_system_metric
from backend.pairing.placing import EPOCH_KEYS, TRAINING_ENDED_KEYS
from backend.pairing.series_names import parse_name
from overfit_lab.criteria import fired_at


class _Column:
    """The points of one metric, in 24 bytes each."""

    def __init__(self) -> None:
        self.steps, self.timestamps, self.values = array("q"), array("q"), array("d")

    def add(self, step: int, timestamp: int, value: float) -> None:
        self.steps.append(step)
        self.timestamps.append(timestamp)
        self.values.append(value)

    def points(self) -> LoggedPoints:
        columns = (self.steps, self.values, self.timestamps)
        return LoggedPoints.of(*(np.array(column) for column in columns))


class LiveLosses:
    """The points of those metrics that pairing can use: losses, accuracies and epochs."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._columns: dict[str, _Column] = {}
        self._judged: dict[str, tuple[int, int | None]] = {}

    def add(self, key: str, step: int, timestamp: int, value: float) -> None:
        """Add a point unless its metric has no part in the diagnosis."""
        column = self._columns.get(key)
        if column is None:
            if not self._is_kept(key):
                return
            column = self._columns[key] = _Column()
        column.add(step, timestamp, value)

    def _is_kept(self, key: str) -> bool:
        if key in (self._chosen.train, self._chosen.validation, *EPOCH_KEYS, *TRAINING_ENDED_KEYS):
            return True
        name = parse_name(key)
        return (name.is_loss or name.is_accuracy) and not is_system_metric(key)

    def pairing(self) -> Pairing:
        """Return the losses so far."""
        points = {key: column.points() for key, column in self._columns.items()}
        return pair_losses(points, chosen=self._chosen)

    def fired_at(self, stop_when: str, settings: Mapping[str, float]) -> int | None:
        """Return the step at which a criterion fires on the losses so far, None if it does not.

        The losses are judged again only when another validation loss was added.
        """
        amount = sum(
            len(column.steps) for key, column in self._columns.items() if self._is_held_out(key)
        )
        rule = f"{stop_when} {sorted(settings.items())}"
        judged, fired = self._judged.get(rule, (0, None))
        if fired is None and amount > judged:
            pair = self.pairing().pair
            fired = None if pair is None else fired_at(pair, stop_when, settings)
            self._judged[rule] = amount, fired
        return fired

    def _is_held_out(self, key: str) -> bool:
        return key == self._chosen.validation or parse_name(key).part in ("validation", "test")
