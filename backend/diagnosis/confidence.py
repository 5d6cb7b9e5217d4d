"""How sure a verdict is: how far the numbers are from where it would be another."""

from math import isfinite
from typing import Literal

from backend.diagnosis.found import Found
from backend.diagnosis.shape import SHORT, Shape

Sureness = Literal["high", "medium", "low"]

FEW = 10  # points: below, no verdict is sure
CLEAR, VAGUE = 2.0, 1.25  # times the threshold, for a rise; its inverse, for none


def confidence(shape: Shape, found: Found) -> Sureness:
    """Return high, medium or low."""
    if found.verdict == "diverged":
        return "high"
    margin = _margin(shape, found)
    if len(shape.validation) < FEW or margin < VAGUE:
        return "low"
    return "high" if margin > CLEAR and len(shape.validation) >= SHORT else "medium"


def _margin(shape: Shape, found: Found) -> float:
    """Return how many times the rise would have to change for overfitting to begin or end."""
    needed = max(shape.threshold, 3 * shape.reading.error, 1e-300)
    if not isfinite(needed):  # losses near the largest floats
        return 0.0
    if found.verdict == "overfitting":
        return shape.rise / needed
    return needed / max(shape.rise, needed / 10)
