"""Pure arithmetic over curves: where to stop and what is wrong. No SQL, no HTTP, no torch."""

from backend.analysis.curve import Curve
from backend.analysis.diagnosis import Diagnosis, diagnose
from backend.analysis.early_stopping import Patience, early_stop_step

__all__ = ["Curve", "Diagnosis", "Patience", "diagnose", "early_stop_step"]
