"""Labelled training histories: their files, and the ground truth about overfitting."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RISE = 0.05  # rise of the true loss that counts as overfitting, as a fraction of its minimum
SMALLEST = 0.02  # the same as a fraction of the fall before; the larger of both applies


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
    """Return whether the true loss rises, and the index of its minimum.

    The minimum is that of the running median, so that a single jump does not count. A loss that
    rises together with the train loss is not overfitting: the training itself failed.
    """
    losses, train = np.array(history.truth), np.array(history.train)
    window = max(3, round(len(losses) / 20))
    around = np.median(np.lib.stride_tricks.sliding_window_view(losses, window), axis=1)
    best, low, end = int(losses.argmin()), float(around.min()), float(np.median(losses[-window:]))
    at = int(around.argmin())
    rose = end - low > max(RISE * low, SMALLEST * (float(losses[0]) - low))
    failed = float(np.median(train[-window:])) > float(np.median(train[at : at + window]))
    return rose and not failed and len(losses) - 1 - best >= window, best


def is_clear(history: LabelledHistory) -> bool:
    """Return whether the true rise is below half of the 5 % threshold or above twice of it."""
    losses = np.array(history.truth)
    window = max(3, round(len(losses) / 20))
    rise = float(np.median(losses[-window:]) / losses.min()) - 1
    return not RISE / 2 < rise < 2 * RISE
