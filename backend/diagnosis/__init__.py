"""Pure arithmetic over curves: where to stop and what is wrong. No SQL, no HTTP, no torch."""

from backend.diagnosis.curve import Curve
from backend.diagnosis.diagnosis import Diagnosis, diagnose

__all__ = ["Curve", "Diagnosis", "diagnose"]
