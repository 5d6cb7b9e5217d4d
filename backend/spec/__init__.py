"""The specification of an experiment: validated here, once, for form, REST and command line."""

from backend.spec.experiment import ExperimentSpec, validate
from backend.spec.run import RunSpec

__all__ = ["ExperimentSpec", "RunSpec", "validate"]
