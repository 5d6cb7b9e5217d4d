"""Diagnosis of single runs: a verdict on the fit, and where early stopping would have fired.

Pure arithmetic over curves, without SQL, HTTP or torch. `curve` pairs losses, `measurements` and
`trends` measure them, `rules` and `breakdown` judge them, `verdicts` is the registry of verdicts.
"""

from backend.diagnosis.curve import Curve
from backend.diagnosis.diagnosis import Diagnosis, diagnose

__all__ = ["Curve", "Diagnosis", "diagnose"]
