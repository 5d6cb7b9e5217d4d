"""The tables.

Times are whole milliseconds since 1970, UTC, by the clock of the database. Only `recorded_at` is by
the clock of the worker that measured, and the times of external runs by the clock of their client.
"""

from backend.store.tables.access import AuditEntry, BrowserSession, Token
from backend.store.tables.artifacts import Checkpoint, Frame, Prediction, Sample, Snapshot
from backend.store.tables.curation import Edit, ExperimentTag, Operation, RunTag, SavedView
from backend.store.tables.datasets import Dataset
from backend.store.tables.installation import Installation
from backend.store.tables.logged_models import (
    LoggedFile,
    LoggedModel,
    LoggedModelMetric,
    RunModel,
)
from backend.store.tables.metrics import Change, CurveSummary, Metric, MetricKey, MetricSummary
from backend.store.tables.runs import MAX_ID, Base, Experiment, Param, ParamKey, Run
from backend.store.tables.stored_answers import StoredAnswer
from backend.store.tables.sweeps import ConsoleChunk, PlannedRun, Sweep
from backend.store.tables.tracking import (
    ExternalRun,
    ImportedRun,
    LoggedPoints,
    ReceivedEntry,
    RunDataset,
)

__all__ = [
    "MAX_ID",
    "AuditEntry",
    "Base",
    "BrowserSession",
    "Change",
    "Checkpoint",
    "ConsoleChunk",
    "CurveSummary",
    "Dataset",
    "Edit",
    "Experiment",
    "ExperimentTag",
    "ExternalRun",
    "Frame",
    "ImportedRun",
    "Installation",
    "LoggedFile",
    "LoggedModel",
    "LoggedModelMetric",
    "LoggedPoints",
    "Metric",
    "MetricKey",
    "MetricSummary",
    "Operation",
    "Param",
    "ParamKey",
    "PlannedRun",
    "Prediction",
    "ReceivedEntry",
    "Run",
    "RunDataset",
    "RunModel",
    "RunTag",
    "Sample",
    "SavedView",
    "Snapshot",
    "StoredAnswer",
    "Sweep",
    "Token",
]
