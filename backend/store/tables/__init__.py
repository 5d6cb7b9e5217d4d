"""The tables.

Times are whole milliseconds since 1970, UTC, by the clock of the database. Only `recorded_at` is by
the clock of the worker that measured.
"""

from backend.store.tables.artifacts import Checkpoint, Frame, Prediction, Sample, Snapshot
from backend.store.tables.curation import Edit, ExperimentTag, Operation, RunTag, SavedView
from backend.store.tables.metrics import Change, Metric, MetricKey, MetricSummary
from backend.store.tables.runs import MAX_ID, Base, Experiment, Param, ParamKey, Run

__all__ = [
    "MAX_ID",
    "Base",
    "Change",
    "Checkpoint",
    "Edit",
    "Experiment",
    "ExperimentTag",
    "Frame",
    "Metric",
    "MetricKey",
    "MetricSummary",
    "Operation",
    "Param",
    "ParamKey",
    "Prediction",
    "Run",
    "RunTag",
    "Sample",
    "SavedView",
    "Snapshot",
]
