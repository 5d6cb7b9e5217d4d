"""Every field and state of a run is complete, and one entry is enough for a new field."""

from typing import get_args

import pytest

from backend.runs.fields import (
    METRIC_PARTS,
    RUN_FIELDS,
    DiagnosisEntry,
    ExperimentColumn,
    ExternalColumn,
    RunColumn,
    RunField,
    SummaryDifference,
    SummaryEntry,
    filterable_fields,
)
from backend.runs.schemas import ListedRun
from backend.runs.states import RUN_STATES, STATES, State
from backend.search.fields import CHOICES
from backend.store.tables import Experiment, ExternalRun, MetricSummary, Run
from frontend.site import TEMPLATES


@pytest.mark.parametrize("field", RUN_FIELDS.values(), ids=lambda field: field.name)
def test_source_of_field_exists_in_store_and_in_listed_run(field: RunField) -> None:
    match field.source:
        case ExternalColumn(name):
            assert name in ExternalRun.__table__.columns
            assert name in ListedRun.model_fields
        case RunColumn(name):
            assert name in Run.__table__.columns
            assert name in ListedRun.model_fields
        case ExperimentColumn(name):
            assert name in Experiment.__table__.columns
            assert name in ListedRun.model_fields
        case DiagnosisEntry(name):
            assert name in ListedRun.model_fields
        case SummaryEntry(_, entry):
            assert entry in MetricSummary.__table__.columns
        case SummaryDifference(minuend, subtrahend):
            assert {minuend.entry, subtrahend.entry} <= set(MetricSummary.__table__.columns.keys())


def test_metric_parts_exist_in_store() -> None:
    entries = {part.entry for part in METRIC_PARTS.values()}
    assert entries <= set(MetricSummary.__table__.columns.keys())


def test_every_state_has_an_entry() -> None:
    assert get_args(State) == STATES == CHOICES["status"]
    assert {name for state in RUN_STATES for name in state.next_states} <= set(STATES)


def test_every_state_has_a_colour() -> None:
    css = (TEMPLATES.parent / "static" / "css" / "controls.css").read_text()
    tones = {state.tone for state in RUN_STATES} - {"neutral"}
    assert all(f".state-{tone}" in css for tone in tones)


def test_fields_that_are_not_filterable_are_exported() -> None:
    hidden = RUN_FIELDS.keys() - filterable_fields().keys()
    assert all(RUN_FIELDS[name].exported_as for name in hidden)
