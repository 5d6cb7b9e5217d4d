"""External runs over REST: their diagnosis, and what a person chose for their experiment."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.pairing.axes import AxisName
from backend.runs.items import experiment_items
from backend.runs.lifecycle import diagnosis_of
from backend.runs.schemas import ExperimentItem
from backend.specification.params import JsonObject
from backend.store import experiments, runs
from backend.tracking import choices
from backend.tracking.limits import MAX_KEY_CHARACTERS
from backend.web.dependencies import DatabaseDep, ExperimentId, RunId
from backend.web.json_bodies import JsonRoute

router = APIRouter(prefix="/api", tags=["external runs"], route_class=JsonRoute)

Name = Annotated[str, Field(min_length=1, max_length=MAX_KEY_CHARACTERS, pattern=r"^[^\x00]*$")]


class PairingChoice(BaseModel):
    """The metrics to diagnose and their axis; null leaves the choice to their names."""

    model_config = ConfigDict(extra="forbid")

    train: Name | None = None
    validation: Name | None = None
    axis: AxisName | None = None


class RolesChoice(BaseModel):
    """The params that are the data size, the capacity, the seed and the number of weights.

    A role that is null has no param.
    """

    model_config = ConfigDict(extra="forbid")

    data_size: Name | None = None
    capacity: Name | None = None
    seed: Name | None = None
    parameters: Name | None = None


@router.get("/runs/{run_id}/diagnosis", summary="Read the diagnosis of a run")
def read_diagnosis(run_id: RunId, database: DatabaseDep) -> JsonObject:
    """Return the verdict of a run with its reasons; while it trains, the verdict up to now."""
    with database.read() as session:
        return diagnosis_of(session, runs.get(session, run_id))


@router.put("/experiments/{experiment_id}/pairing", summary="Choose the losses to diagnose")
def choose_pairing(
    experiment_id: ExperimentId, wanted: PairingChoice, database: DatabaseDep
) -> ExperimentItem:
    """Choose the train and validation loss of all runs of an experiment, and diagnose them again.

    The first 100 runs are diagnosed before the response, the others within seconds after it.
    """
    with database.write() as session:
        choices.choose_pairing(session, experiment_id, wanted.model_dump(exclude_none=True))
        return experiment_items(session, [experiments.get(session, experiment_id)])[0]


@router.put("/experiments/{experiment_id}/roles", summary="Choose the roles of params")
def choose_roles(
    experiment_id: ExperimentId, wanted: RolesChoice, database: DatabaseDep
) -> ExperimentItem:
    """Choose which params the analysis takes for data size, capacity, seed and weights."""
    with database.write() as session:
        choices.choose_roles(session, experiment_id, wanted.model_dump())
        return experiment_items(session, [experiments.get(session, experiment_id)])[0]
