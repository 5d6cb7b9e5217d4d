"""Labelled training histories: their files, and the ground truth about overfitting."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RISE = 0.05  # rise of the true loss that counts as overfitting, as a fraction of its minimum
SMALLEST = 0.02  # the same as a fraction of the fall before; the larger of both applies
FELL = 0.01  # smallest fall of the true loss, as a fraction of its first value


@dataclass(frozen=True)
class LabelledHistory:
    """One run: the number of its configuration, its losses over the epochs, and its true losses."""

    configuration: int
    train: Sequence[float]
    validation: Sequence[float]
    truth: Sequence[float]


def save(target: Path, histories: Sequence[LabelledHistory]) -> None:
    """Write histories with their losses rounded to five digits."""
    rows = [
        [
            history.configuration,
            *([float(f"{x:.5g}") for x in losses] for losses in _parts(history)),
        ]
        for history in histories
    ]
    target.write_bytes(gzip.compress(json.dumps(rows).encode(), 9, mtime=0))


def _parts(history: LabelledHistory) -> list[Sequence[float]]:
    return [history.train, history.validation, history.truth]


def load(source: Path) -> list[LabelledHistory]:
    """Read the histories that `save` wrote."""
    return [LabelledHistory(*row) for row in json.loads(gzip.decompress(source.read_bytes()))]


def true_overfitting(history: LabelledHistory) -> tuple[bool, int]:
    """Return whether the true loss rises, and the index of its minimum."""
    losses = np.array(history.truth)
    window = max(3, round(len(losses) / 20))
    low, end = float(losses.min()), float(np.median(losses[-window:]))
    best, fall = int(losses.argmin()), float(losses[0]) - low
    rose = end - low > max(RISE * low, SMALLEST * fall) and len(losses) - 1 - best >= window
    return rose and fall > FELL * float(losses[0]), best


def is_unsteady(history: LabelledHistory) -> bool:
    """Return whether the ground truth of a run is doubtful.

    Either the true loss jumps by more than the threshold, so that its minimum is a coincidence, or
    the train loss rises with it: then the training itself failed, which is not overfitting.
    """
    losses, train = np.array(history.truth), np.array(history.train)
    window = max(3, round(len(losses) / 20))
    around = np.median(np.lib.stride_tricks.sliding_window_view(losses, window), axis=1)
    best = int(around.argmin())
    jump = float(around.min()) / float(losses.min()) - 1
    rises = float(np.median(train[-window:])) > float(np.median(train[best : best + window]))
    return jump > RISE or (rises and true_overfitting(history)[0])


def is_clear(history: LabelledHistory) -> bool:
    """Return whether the true rise is below half of the 5 % threshold or above twice of it."""
    losses = np.array(history.truth)
    window = max(3, round(len(losses) / 20))
    rise = float(np.median(losses[-window:]) / losses.min()) - 1
    return not RISE / 2 < rise < 2 * RISE
