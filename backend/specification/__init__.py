"""The specification of an experiment, with one validation for form, REST and command line."""

from backend.specification.experiment import ExperimentSpec, validate
from backend.specification.run_spec import RunSpec

__all__ = ["ExperimentSpec", "RunSpec", "validate"]
