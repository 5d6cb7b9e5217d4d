"""Endpoints of runs: create, read, update, delete, restore, search."""

from sqlalchemy.orm import Session

from backend.mlflow import bodies
from backend.mlflow.answers import info_answer, paged, run_answer
from backend.mlflow.endpoint import get, post
from backend.mlflow.errors import BadRequest, InvalidParameter
from backend.mlflow.filters import RUNS, parse_filter
from backend.mlflow.names import check_key, check_max_results, require_run
from backend.mlflow.orders import offset_of, page_token, parse_order
from backend.mlflow.service import Service, ensure_default, experiment_ids, experiment_of
from backend.mlflow.views import view_of
from backend.runs.states import State
from backend.specification.params import JsonObject
from backend.store import external_runs
from backend.store.external_data import RunData, run_data
from backend.store.external_search import NAME_TAG, find_runs
from backend.tracking import runs
from backend.tracking.limits import MAX_TAG_CHARACTERS

STATES: dict[str, State] = {
    "RUNNING": "running",
    "SCHEDULED": "running",  # a run here is queued only for a worker
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "cancelled",
}
OWN_TAG = "overfit_lab.id"  # of runs that the package overfit_lab logs by this protocol
NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""The states as numbers, which clients in other languages may send."""


def create(service: Service, body: bodies.CreateRun) -> JsonObject:
    """Start a run. Raises BadRequest without an experiment."""
    if not body.experiment_id:
        raise BadRequest("Missing value for required parameter 'experiment_id'.")
    tags = {check_key(tag.key, "key"): tag.value[:MAX_TAG_CHARACTERS] for tag in body.tags}
    name = body.run_name or tags.get(NAME_TAG)
    if tags.get(NAME_TAG, name) != name:
        raise InvalidParameter(
            f"run_name is {name!a:.60}, but the tag {NAME_TAG} is {tags[NAME_TAG]!a:.60}; "
            "accepted: one name."
        )
    ensure_default(service.database)
    with service.database.write() as session:
        experiment = experiment_of(session, body.experiment_id)
        run = runs.create_run(
            session,
            experiment.id,
            "python" if OWN_TAG in tags else "mlflow",
            name=name,
            user=body.user_id,
            start_time=body.start_time,
            tags={key: value for key, value in tags.items() if key != NAME_TAG},
        )
        [stored] = run_data(session, [run.run_id])
    answer = run_answer(stored)
    return {"run": {part: answer[part] for part in ("info", "data", "inputs")}}


def read(service: Service, body: bodies.OfRun) -> JsonObject:
    """Return a run, deleted or not."""
    run_id = require_run(body.run_id, body.run_uuid)
    with service.database.read() as session:
        return {"run": run_answer(_stored(session, run_id))}


def update(service: Service, body: bodies.OfRun) -> JsonObject:
    """Change the state, the end or the name of a run."""
    run_id = require_run(body.run_id, body.run_uuid)
    word = NUMBERS.get(body.status) if isinstance(body.status, int) else body.status
    with service.database.write() as session:
        run = runs.update_run(
            session,
            run_id,
            status=STATES.get(word or ""),
            client_status=word if word in STATES else None,
            end_time=body.end_time,
            name=body.run_name or None,
        )
        [stored] = run_data(session, [run.run_id])
    return {"run_info": info_answer(stored.info)}


def delete(service: Service, body: bodies.OfRun) -> JsonObject:
    """Delete a run; it can be restored for some days."""
    run_id = require_run(body.run_id, body.run_uuid)
    with service.database.write() as session:
        runs.delete_run(session, run_id)
    return {}


def restore(service: Service, body: bodies.OfRun) -> JsonObject:
    """Restore a deleted run."""
    run_id = require_run(body.run_id, body.run_uuid)
    with service.database.write() as session:
        if external_runs.get(session, run_id).run.deleted_at is not None:
            runs.restore_run(session, run_id, deleted_days=service.deleted_days)
    return {}


def search(service: Service, body: bodies.SearchRuns) -> JsonObject:
    """Return a page of the runs that fulfil a filter."""
    limit = check_max_results(body.max_results)
    conditions = parse_filter(body.filter, RUNS)
    order = parse_order(body.order_by, RUNS)
    offset = offset_of(body.page_token)
    page = view_of(body.run_view_type, offset, limit + 1)
    with service.database.read() as session:
        ids = sorted(set(experiment_ids(session, body.experiment_ids).values()))
        found = find_runs(session, ids, conditions, order, page) if ids else []
        answers = [run_answer(run) for run in run_data(session, found[:limit])]
    return paged("runs", answers, page_token(offset + limit) if len(found) > limit else None)


def _stored(session: Session, run_id: str) -> RunData:
    [stored] = run_data(session, [external_runs.get(session, run_id).run.id])
    return stored


ENDPOINTS = (
    post("runs/create", bodies.CreateRun, create),
    get("runs/get", bodies.OfRun, read),
    post("runs/update", bodies.OfRun, update),
    post("runs/delete", bodies.OfRun, delete),
    post("runs/restore", bodies.OfRun, restore),
    post("runs/search", bodies.SearchRuns, search),
)
