"""Data sets that people add: upload, list, preview, choose the target, delete."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from backend.own_data import service
from backend.own_data.names import name_of_file
from backend.own_data.schemas import DatasetItem, DatasetList, Preview, dataset_item, preview_of
from backend.own_data.uploads import receive_raw, upload_folder
from backend.store import datasets
from backend.store.tables import MAX_ID
from backend.web.audit import note_changed
from backend.web.dependencies import DatabaseDep, Switch
from backend.web.json_bodies import JsonRoute

router = APIRouter(prefix="/api/datasets", tags=["data sets"], route_class=JsonRoute)

DatasetId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a data set.")]
Task = Literal["classification", "regression"]
Text = Annotated[str | None, Field(max_length=200)]
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class DatasetChange(BaseModel):
    """Changes of a data set. `inputs` are the columns that models see, the target left out."""

    model_config = ConfigDict(extra="forbid")

    name: Text = None
    target: Text = None
    task: Task | None = None
    inputs: Annotated[list[str] | None, Field(max_length=5_000)] = None


@router.post("", status_code=201, summary="Add a data set", openapi_extra=UPLOAD)
async def add_dataset(
    request: Request,
    response: Response,
    database: DatabaseDep,
    file: Annotated[str, Query(max_length=500, description="Name of the file.")] = "table.csv",
    name: Annotated[
        str | None, Query(max_length=200, description="By default from the name of the file.")
    ] = None,
    target: Annotated[str | None, Query(max_length=200, description="The target column.")] = None,
    task: Annotated[Task | None, Query(description="By default inferred from the target.")] = None,
) -> DatasetItem:
    """Store the table in the body: CSV, TSV, Parquet, Arrow or NumPy .npz."""
    with upload_folder() as folder:
        path = await receive_raw(request.stream(), folder)
        dataset_id = await run_in_threadpool(
            service.add_file, database, path, file, name or name_of_file(file), target, task
        )
    note_changed("dataset", [dataset_id])
    response.headers["Location"] = f"/api/datasets/{dataset_id}"
    return await run_in_threadpool(read_dataset, dataset_id, database)


@router.get("", summary="List data sets")
def list_datasets(database: DatabaseDep) -> DatasetList:
    """Return the data sets that were added here, the newest first."""
    with database.read() as session:
        return DatasetList(items=[dataset_item(dataset) for dataset in datasets.listed(session)])


@router.get("/{dataset_id}", summary="Read a data set")
def read_dataset(dataset_id: DatasetId, database: DatabaseDep) -> DatasetItem:
    """Return one data set."""
    with database.read() as session:
        return dataset_item(datasets.get(session, dataset_id))


@router.get("/{dataset_id}/preview", summary="Preview a data set")
def read_preview(dataset_id: DatasetId, database: DatabaseDep) -> Preview:
    """Return the columns of a data set, the balance of its classes, and signs of leakage."""
    with database.read() as session:
        return preview_of(datasets.get(session, dataset_id))


@router.patch("/{dataset_id}", summary="Change a data set")
def change_dataset(
    dataset_id: DatasetId, wanted: DatasetChange, database: DatabaseDep
) -> DatasetItem:
    """Change the name, the target, the task or the inputs.

    Runs that were trained before keep their version of the data set.
    """
    service.change(database, dataset_id, **wanted.model_dump())
    note_changed("dataset", [dataset_id])
    return read_dataset(dataset_id, database)


@router.delete("/{dataset_id}", status_code=204, summary="Delete a data set")
def delete_dataset(
    dataset_id: DatasetId,
    database: DatabaseDep,
    confirm: Annotated[
        Switch, Query(description="Delete it even if runs refer to it. Their curves stay.")
    ] = False,
) -> None:
    """Delete a data set. Without `confirm`, 409 names the experiments that refer to it."""
    service.delete(database, dataset_id, confirmed=confirm)
    note_changed("dataset", [dataset_id])
