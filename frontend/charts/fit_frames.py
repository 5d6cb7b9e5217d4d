"""How a fit came about: its picture at each epoch that was kept, for a slider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backend.runs.fit_frames import Frames
from backend.series import Series
from frontend.charts import theme
from frontend.charts.fits import FitInfo, draw_fit, over_samples
from frontend.formatting import number


@dataclass(frozen=True)
class FitFramesInfo:
    """The picture of the last epoch kept, and what differs at each: its values and its words.

    The values of an epoch are a list over `x`, or over two inputs a list of such rows.
    """

    last: FitInfo
    epochs: Sequence[int]
    values: Sequence[Sequence[Any]]
    words: Sequence[str]


def fit_frames_info(frames: Frames, samples: bytes, losses: Mapping[str, Series]) -> FitFramesInfo:
    """Return what the slider shows of a run with frames; `losses` are train_loss and val_loss."""
    x, width = np.array(frames.x, np.float32), len(frames.x)
    y = None if frames.y is None else np.array(frames.y, np.float32)
    values: list[list[Any]] = (
        frames.values
        if y is None
        else [
            [flat[start : start + width] for start in range(0, len(flat), width)]
            for flat in frames.values
        ]
    )
    last = over_samples(frames.epochs[-1], x, y, np.array(values[-1], np.float32), samples)
    train, validation = losses["train_loss"], losses["val_loss"]
    words = [
        f"{replace(last, epoch=epoch).description} Train loss {number(train.at(epoch))}, "
        f"validation loss {number(validation.at(epoch))}."
        for epoch in frames.epochs
    ]
    return FitFramesInfo(last, frames.epochs, values, words)


def draw_fit_frames(info: FitFramesInfo) -> theme.Drawing:
    """Draw the last fit; `frames` holds what a slider puts in its place."""
    replaced = "y" if info.last.y is None else "z"  # of the traces that show the function
    frames = {"epochs": info.epochs, replaced: info.values, "words": info.words}
    return {**draw_fit(info.last), "frames": frames}
