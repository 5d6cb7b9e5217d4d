"""Data sets that people add: upload, list, preview, choose the target, delete."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from backend.errors import InvalidInput
from backend.imports.upload_folder import upload_folder
from backend.imports.uploads import Upload, receive
from backend.own_data import service
from backend.own_data.first_grid import DEFAULT_SECONDS, first_grid
from backend.own_data.names import name_of_file
from backend.own_data.sandbox import Turn
from backend.own_data.schemas import DatasetItem, DatasetList, Preview, dataset_item, preview_of
from backend.runs.queue_limits import check_queue
from backend.store import datasets, experiments
from backend.store.dataset_sources import facts_of
from backend.store.tables import MAX_ID
from backend.web.audit import note_changed
from backend.web.dependencies import DatabaseDep, SettingsDep, Switch
from backend.web.heavy_work import HEAVY
from backend.web.idempotency import OnceDep
from backend.web.json_bodies import JsonRoute
from backend.web.multipart_bodies import TEXT, multipart_body

router = APIRouter(prefix="/api/datasets", tags=["data sets"], route_class=JsonRoute)

DatasetId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a data set.")]
Task = Literal["classification", "regression"]
FILES = "files"  # the folder of the uploaded file, below that of the upload
Text = Annotated[str | None, Field(max_length=200)]
FORM = multipart_body(
    {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "A table: CSV, TSV, Parquet, Arrow or NumPy .npz.",
        },
        "name": {**TEXT, "description": "Name. Default: that of the file."},
        "target": {**TEXT, "description": "The column to predict."},
        "task": {
            "type": "string",
            "enum": ["classification", "regression"],
            "description": "By default inferred from the target.",
        },
    }
)
FIELDS = ("name", "target", "task")


async def _turn(request: Request) -> Turn:
    turn: Turn = request.app.state.table_turn
    return turn


TurnDep = Annotated[Turn, Depends(_turn)]


class DatasetChange(BaseModel):
    """Changes of a data set. `inputs` are the columns that models see, the target left out."""

    model_config = ConfigDict(extra="forbid")

    name: Text = None
    target: Text = None
    task: Task | None = None
    inputs: Annotated[list[str] | None, Field(max_length=5_000)] = None


@router.post("", status_code=201, summary="Add a data set", openapi_extra=FORM)
async def add_dataset(
    request: Request,
    response: Response,
    database: DatabaseDep,
    settings: SettingsDep,
    turn: TurnDep,
) -> DatasetItem:
    """Store a table. The same file with the same name and target is added once."""
    with upload_folder(settings.data_dir) as folder:
        content_type = request.headers.get("content-type", "")
        upload = await receive(content_type, request.stream(), folder / FILES, max_files=1)
        [file] = upload.files
        wanted = _fields(upload, file)
        async with turn.taken():
            dataset_id = await run_in_threadpool(
                service.add_file, database, upload.folder / file, file, **wanted
            )
    note_changed("dataset", [dataset_id])
    response.headers["Location"] = f"/api/datasets/{dataset_id}"
    return await run_in_threadpool(read_dataset, dataset_id, database)


def _fields(upload: Upload, file: str) -> dict[str, str]:
    """Return the fields of an upload; an empty one counts as missing. Raises InvalidInput."""
    for field in upload.fields:
        if field not in FIELDS:
            raise InvalidInput(
                f"{field[:80]} is not a field; accepted: {', '.join(FIELDS)}.", field
            )
    wanted = {field: text for field, text in upload.fields.items() if text}
    return {"name": name_of_file(file), **wanted}


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
async def change_dataset(
    dataset_id: DatasetId, wanted: DatasetChange, database: DatabaseDep, turn: TurnDep
) -> DatasetItem:
    """Change the name, the target, the task or the inputs.

    Runs that were trained before keep their version of the data set.
    """
    async with turn.taken():
        await run_in_threadpool(service.change, database, dataset_id, **wanted.model_dump())
    note_changed("dataset", [dataset_id])
    return await run_in_threadpool(read_dataset, dataset_id, database)


class Diagnosis(BaseModel):
    """The experiment that diagnoses a data set. `url` is the page with its answers."""

    id: int
    url: str
    runs: int
    estimated_seconds: float


@router.post(
    "/{dataset_id}/diagnosis", status_code=201, summary="Diagnose a data set", dependencies=[HEAVY]
)
def diagnose_dataset(
    dataset_id: DatasetId,
    database: DatabaseDep,
    settings: SettingsDep,
    once: OnceDep,
    seconds: Annotated[
        float, Query(ge=30, le=86_400, description="Seconds of training to plan for.")
    ] = DEFAULT_SECONDS,
) -> Diagnosis:
    """Train a first grid over data, capacity and regularisation that fits into a time."""
    with database.read() as session:
        dataset = datasets.get(session, dataset_id)
        if dataset.choice is None:
            raise InvalidInput(f"{dataset.name} has no target; choose one first.", "target")
        facts = facts_of(dataset)
    spec = first_grid(facts, seconds=seconds, workers=settings.workers)

    def create(session: Session) -> Diagnosis:
        check_queue(session, len(spec.runs), settings)
        experiment, run_ids = experiments.create_experiment(session, spec)
        return Diagnosis(
            id=experiment.id,
            url=f"/experiments/{experiment.id}/answers",
            runs=len(run_ids),
            estimated_seconds=experiment.estimated_seconds,
        )

    return once.create(database, Diagnosis, create)


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
