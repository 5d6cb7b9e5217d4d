"""Import the logs of other programs as external runs."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from backend import work_budget
from backend.imports import importer
from backend.imports.import_request import ImportRequest, parse_request
from backend.imports.importer import ImportedRun, RunToImport
from backend.imports.reading import LogReader
from backend.imports.reading_process import FILES, ReadRequest
from backend.imports.upload_folder import upload_folder
from backend.imports.uploads import Upload, receive
from backend.series import Series, downsample
from backend.settings import Settings
from backend.store import Database
from backend.web.dependencies import DatabaseDep, SettingsDep, Switch
from backend.web.multipart_bodies import TEXT, multipart_body
from backend.work_budget import ClientWatch

router = APIRouter(prefix="/api", tags=["external runs"])

MAX_CURVE_POINTS = 200  # per line of a preview
MAX_LISTED_METRICS = 500  # names per run


class Line(BaseModel):
    """A loss over its steps, thinned out for a small chart. NaN and infinities are null."""

    steps: list[int]
    values: list[float | None]


class Preview(BaseModel):
    """The content of a run in a log, for a person who checks it before the import."""

    epochs: int = Field(description="Number of steps of validation.")
    unit: str = Field(description="Word for a step: epoch, step, round or row.")
    train: str | None = Field(description="Name of the train loss.")
    validation: str | None = Field(description="Name of the validation loss.")
    alternatives: list[tuple[str, str]] = Field(description="Other pairs of losses.")
    metrics: list[str] = Field(description="Names of all metrics, the first 500.")
    params: dict[str, str]
    sentence: str
    train_line: Line | None
    validation_line: Line | None


class RunInImport(BaseModel):
    """A run of an import, in the order of the files."""

    id: int | None = Field(description="Id of the run, null in a dry run.")
    name: str
    verdict: str
    notes: list[str] = Field(description="Assumptions made, and values left out.")
    label: str = Field(description="File, and the name of the run in it; the key in `runs`.")
    preview: Preview | None = Field(description="Only in a dry run.")


class Imported(BaseModel):
    """The runs of an import."""

    experiment: int | None = Field(description="Id of the experiment, null if it is missing yet.")
    runs: list[RunInImport]


FORM = multipart_body(
    {
        "file": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "minItems": 1,
            "description": "Files; those of a folder with their relative names.",
        },
        "experiment": {
            **TEXT,
            "description": "Name of the experiment, created if it is missing. "
            f"Default: {importer.DEFAULT_EXPERIMENT}.",
        },
        "train": {**TEXT, "description": "Name of the train loss of all runs."},
        "validation": {
            **TEXT,
            "description": "Name of the validation loss of all runs.",
        },
        "runs": {
            **TEXT,
            "description": "Corrections of single runs by label, as JSON: "
            '`{"log.csv": {"name": ..., "train": ..., "validation": ..., '
            '"skip": false}}`.',
        },
        "follow": {
            **TEXT,
            "description": "Id of a log that grows, chosen by the client: a later "
            "import with it appends the new points.",
        },
        "ended": {
            "type": "string",
            "enum": ["true", "false"],
            "description": "Whether the training of a log with `follow` has ended.",
        },
    }
)


@router.post(
    "/imports",
    status_code=201,
    summary="Import logs",
    responses={200: {"model": Imported, "description": "What would be imported (dry_run)"}},
    openapi_extra=FORM,
)
async def import_logs(
    request: Request,
    response: Response,
    database: DatabaseDep,
    settings: SettingsDep,
    dry_run: Annotated[Switch, Query(description="Only read the files; store nothing.")] = False,
) -> Imported:
    """Read the runs of log files and store them, all of them or none.

    A run that the experiment has already is not stored again; the answer names the stored run.
    """
    reader: LogReader = request.app.state.log_reader
    with upload_folder(settings.data_dir) as folder:
        upload = await receive(
            request.headers.get("content-type", ""),
            request.stream(),
            folder / FILES,
            max_files=settings.max_import_files,
        )
        wanted = parse_request(upload.fields)
        found = await reader.read(folder, _read_request(upload, wanted, settings))
    runs = wanted.applied_to(found)
    budget = work_budget.current()
    client = budget.client if budget else ClientWatch()
    with work_budget.budget(settings.import_seconds, client):
        if dry_run:
            response.status_code = 200
            return await run_in_threadpool(_preview, database, runs, wanted)
        return await run_in_threadpool(_store, database, runs, wanted)


def _read_request(upload: Upload, wanted: ImportRequest, settings: Settings) -> ReadRequest:
    return ReadRequest(
        roots=upload.roots,
        chosen=wanted.chosen,
        choices=wanted.choices,
        max_memory_bytes=settings.import_memory_bytes,
        max_seconds=settings.import_seconds,
        max_runs=settings.max_import_runs,
        max_points=settings.max_import_points,
    )


def _preview(database: Database, runs: Sequence[RunToImport], wanted: ImportRequest) -> Imported:
    with database.read() as session:
        experiment_id, imported = importer.preview(session, runs, wanted.experiment)
    return Imported(experiment=experiment_id, runs=[_answer(run, dry=True) for run in imported])


def _store(database: Database, runs: Sequence[RunToImport], wanted: ImportRequest) -> Imported:
    with database.write() as session:
        experiment_id, imported = importer.store(session, runs, wanted.experiment, wanted.following)
    return Imported(experiment=experiment_id, runs=[_answer(run, dry=False) for run in imported])


def _answer(imported: ImportedRun, *, dry: bool) -> RunInImport:
    return RunInImport(
        id=imported.run_id,
        name=imported.name,
        verdict=imported.verdict,
        notes=list(imported.notes),
        label=imported.run.found.label,
        preview=_preview_of(imported) if dry else None,
    )


def _preview_of(imported: ImportedRun) -> Preview:
    found = imported.run.found
    pair = found.pair
    return Preview(
        epochs=len(pair.validation) if pair else 0,
        unit=pair.unit if pair else found.unit,
        train=pair.names[0] if pair else None,
        validation=pair.names[1] if pair else None,
        alternatives=[names for names in found.alternatives if not pair or names != pair.names],
        metrics=list(found.series)[:MAX_LISTED_METRICS],
        params=dict(found.params),
        sentence=imported.sentence,
        train_line=_line(pair.train) if pair else None,
        validation_line=_line(pair.validation) if pair else None,
    )


def _line(series: Series) -> Line:
    drawn = series.take(downsample(series.json_values, MAX_CURVE_POINTS))
    return Line(steps=drawn.steps.tolist(), values=list(drawn.json_values))
