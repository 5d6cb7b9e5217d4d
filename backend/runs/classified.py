"""The test samples as a classifier's best model sees them: its classes next to the true ones."""

from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load
from sqlalchemy.orm import Session

from backend.series import Array
from backend.store import artifacts


@dataclass(frozen=True)
class ClassifiedSamples:
    """The first test samples: their true and their predicted classes [samples].

    `projected` [samples, 2] are the inputs on their first two principal components. `misread` [k,
    features] are images with grey values from 0 to 255 of the wrong samples `misread_at` [k]. They
    are empty if they were not recorded.
    """

    epoch: int
    targets: Array
    predicted: Array
    projected: Array
    misread: Array
    misread_at: Array


def classified_samples(
    session: Session, run_id: int, epoch: int | None
) -> ClassifiedSamples | None:
    """Return the classes that a run predicted at an epoch, None if they were not recorded."""
    blob = None if epoch is None else artifacts.prediction(session, run_id, epoch)
    if blob is None or epoch is None:
        return None
    file = load(blob)
    return ClassifiedSamples(
        epoch,
        file["targets"].astype(int),
        file["outputs"].argmax(axis=1),
        file.get("projected", np.zeros((0, 2))),
        file.get("misread", np.zeros((0, 0))),
        file.get("misread_at", np.zeros(0, int)),
    )
