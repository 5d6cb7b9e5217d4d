"""Endpoints of artifacts: clients upload, list, read and delete files through this service.

Files are served so that a browser only downloads them: whatever a training wrote, no script of it
runs in the pages of this service.
"""

from contextlib import suppress
from urllib.parse import quote

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from backend.errors import LabError, NotFound
from backend.mlflow import bodies
from backend.mlflow.answers import info_answer, model_uri, public_id, without_empty_lists
from backend.mlflow.artifact_paths import folder_of, safe_path
from backend.mlflow.endpoint import get
from backend.mlflow.errors import InvalidParameter, Unsupported
from backend.mlflow.names import require_run
from backend.mlflow.service import Service, experiment_of
from backend.specification.params import JsonObject
from backend.store import experiments, external_runs, logged_files, logged_models
from backend.store.external_data import run_data
from backend.store.logged_files import Content, Entry

NO_MULTIPART = (
    "Multipart upload is not supported for the current artifact repository; send the file in one "
    "request."
)  # clients look for the beginning of this sentence, and then do so
INERT_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}
BINARY = "application/octet-stream"


async def upload(service: Service, request: Request, written: str) -> Response:
    """Store the body of a request as a file, replacing an earlier one under its path."""
    path = safe_path(written)
    if not path:
        raise InvalidParameter("Invalid path; accepted: the path of a file.")
    content = await service.files.write(request.stream())
    await run_in_threadpool(_put, service, path, content)
    return Response(status_code=200, media_type="application/json")


async def download(service: Service, request: Request, written: str) -> Response:  # noqa: ARG001
    """Return a file, to be saved and not shown."""
    path = safe_path(written)
    content = await run_in_threadpool(_find, service, path)
    name = quote(path.rpartition("/")[2])
    headers = {**INERT_HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return FileResponse(service.files.path(content.sha256), headers=headers, media_type=BINARY)


async def remove(service: Service, request: Request, written: str) -> Response:  # noqa: ARG001
    """Delete a file, or a folder with all in it."""
    await run_in_threadpool(_remove, service, safe_path(written))
    return Response("{}", media_type="application/json")


async def list_folder(service: Service, request: Request, written: str) -> JsonObject:  # noqa: ARG001
    """Return the files and folders in a folder, named without it."""
    path = safe_path(request.query_params.get("path", ""))
    files = await run_in_threadpool(_entries, service, path)
    return without_empty_lists({"files": [_entry_answer(entry, "") for entry in files]})


async def multipart(service: Service, request: Request, written: str) -> Response:  # noqa: ARG001
    """Refuse an upload in parts; the client sends the file whole."""
    safe_path(written)
    raise Unsupported(NO_MULTIPART)


def list_of_run(service: Service, body: bodies.OfRun) -> JsonObject:
    """Return the files and folders of a run, in a folder of its own."""
    run_id = require_run(body.run_id, body.run_uuid)
    inner = safe_path(body.path or "")
    with service.database.read() as session:
        [stored] = run_data(session, [external_runs.get(session, run_id).run.id])
        root = info_answer(stored.info)["artifact_uri"]
        entries = logged_files.entries(session, _joined(folder_of(root), inner))
    answers = [_entry_answer(entry, inner) for entry in entries]
    return without_empty_lists({"root_uri": root, "files": answers})


def list_of_model(service: Service, body: bodies.OfModel, model_id: str) -> JsonObject:
    """Return the files and folders of a logged model."""
    inner = safe_path(body.artifact_directory_path or "")
    with service.database.read() as session:
        model = logged_models.get(session, model_id)
        owner = experiments.get(session, model.experiment_id)
        root = model_uri(public_id(owner.id, owner.name), model_id)
        entries = logged_files.entries(session, _joined(folder_of(root), inner))
    answers = [_entry_answer(entry, inner) for entry in entries]
    return without_empty_lists({"root_uri": root, "files": answers})


def _put(service: Service, path: str, content: Content) -> None:
    with service.database.write() as session:
        logged_files.put(session, path, content, _owner(session, path))


def _owner(session: Session, path: str) -> int | None:
    """Return the id of the experiment that a path begins with, None if it names none."""
    with suppress(LabError):
        return experiment_of(session, path.partition("/")[0]).id
    return None


def _find(service: Service, path: str) -> Content:
    with service.database.read() as session:
        content = logged_files.get(session, path)
        if content is None and logged_files.is_folder(session, path):
            raise InvalidParameter(f"{path[:100]!a} is a folder; accepted: the path of a file.")
    if content is None or not service.files.path(content.sha256).is_file():
        raise NotFound(f"There is no file {path[:100]!a}.")
    return content


def _remove(service: Service, path: str) -> None:
    with service.database.write() as session:
        logged_files.remove(session, path)


def _entries(service: Service, folder: str) -> list[Entry]:
    with service.database.read() as session:
        return logged_files.entries(session, folder)


def _joined(folder: str, inner: str) -> str:
    return f"{folder}/{inner}" if inner else folder


def _entry_answer(entry: Entry, folder: str) -> JsonObject:
    """Return an entry; an empty file has no size, as in MLflow."""
    answer: JsonObject = {"path": _joined(folder, entry.name) if folder else entry.name}
    answer["is_dir"] = entry.size is None
    return {**answer, "file_size": entry.size} if entry.size else answer


ENDPOINTS = (
    get("artifacts/list", bodies.OfRun, list_of_run),
    get("logged-models/{model_id}/artifacts/directories", bodies.OfModel, list_of_model),
)
RAW = {"PUT": upload, "GET": download, "DELETE": remove}
"""The functions that answer `mlflow-artifacts/artifacts/PATH`, by method."""
