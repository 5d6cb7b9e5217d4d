"""The protocol of Trackio's client, `trackio.init(server_url=...)`.

The client calls functions by name, with ``{"kwargs": arguments}`` as the body and ``{"data":
result}`` as the answer. Only logging and resuming are offered: what the functions of the other
names would do, such as keeping files, answers 404, which the client reports.

A command that an agent started calls them below `/trackio/{external_id}`, so that whatever project
and run it names, its entries belong to the run that was planned for it.
"""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import AliasChoices, AwareDatetime, BaseModel, Field

from backend import __version__
from backend.specification.params import JsonObject
from backend.tracking import trackio
from backend.tracking.trackio import RunKey
from backend.web.dependencies import DatabaseDep

PROTOCOL = 1
MAX_ENTRIES = 10_000

router = APIRouter(include_in_schema=False)
Arguments = TypeVar("Arguments", bound=BaseModel)


class Call(BaseModel, Generic[Arguments]):
    """A call of a function by its name, which is in the URL."""

    arguments: Arguments = Field(validation_alias=AliasChoices("kwargs"))


class OfRun(BaseModel):
    """Something about a run."""

    project: str
    run: str
    run_id: str | None = None

    def key(self, planned: str | None) -> RunKey:
        """Return the run that is meant."""
        return RunKey(self.project, self.run, self.run_id, planned)


class LogEntry(OfRun):
    """One call of `trackio.log`."""

    metrics: JsonObject
    step: int | None = None
    config: JsonObject | None = None
    log_id: str | None = None


class SystemEntry(OfRun):
    """System metrics of one moment."""

    metrics: JsonObject
    timestamp: AwareDatetime | None = None
    log_id: str | None = None


class AlertEntry(OfRun):
    """One call of `trackio.alert`."""

    title: str
    text: str | None = None
    level: str = "warn"
    step: int | None = None
    alert_id: str | None = None


class Logs(BaseModel):
    """The arguments of `bulk_log`."""

    logs: list[LogEntry] = Field(max_length=MAX_ENTRIES)


class SystemLogs(BaseModel):
    """The arguments of `bulk_log_system`."""

    logs: list[SystemEntry] = Field(max_length=MAX_ENTRIES)


class Alerts(BaseModel):
    """The arguments of `bulk_alert`."""

    alerts: list[AlertEntry] = Field(max_length=MAX_ENTRIES)


class OfProject(BaseModel):
    """The arguments of `get_runs_for_project`."""

    project: str


class SomeRun(BaseModel):
    """The arguments of `get_run_summary`: a run by its name or by its id."""

    project: str
    run: str | None = None
    run_id: str | None = None


Answer = dict[str, object]


async def _planned(request: Request) -> str | None:
    """Return the id of the run in the URL, which only commands that an agent started have."""
    return request.path_params.get("external_id")


Planned = Annotated[str | None, Depends(_planned)]


@router.get("/version")
async def version() -> JsonObject:
    """Return the version of the protocol, by which the client chooses how to call."""
    return {"version": __version__, "api_version": PROTOCOL, "api_transport": "http"}


@router.post("/api/bulk_log")
def bulk_log(call: Call[Logs], database: DatabaseDep, planned: Planned) -> Answer:
    """Log metrics and configs, all of them or none."""
    entries = [
        trackio.Entry(entry.key(planned), entry.metrics, entry.step, entry.config, entry.log_id)
        for entry in call.arguments.logs
    ]
    with database.write() as session:
        trackio.log_entries(session, entries)
    return {"data": None}


@router.post("/api/bulk_log_system")
def bulk_log_system(call: Call[SystemLogs], database: DatabaseDep, planned: Planned) -> Answer:
    """Log system metrics, all of them or none."""
    now = datetime.now(UTC)
    entries = [
        trackio.SystemEntry(entry.key(planned), entry.metrics, entry.timestamp or now, entry.log_id)
        for entry in call.arguments.logs
    ]
    with database.write() as session:
        trackio.log_system(session, entries)
    return {"data": None}


@router.post("/api/bulk_alert")
def bulk_alert(call: Call[Alerts], database: DatabaseDep, planned: Planned) -> Answer:
    """Keep alerts, all of them or none."""
    alerts = [
        trackio.Alert(
            alert.key(planned), alert.level, alert.title, alert.text, alert.step, alert.alert_id
        )
        for alert in call.arguments.alerts
    ]
    with database.write() as session:
        trackio.log_alerts(session, alerts)
    return {"data": None}


@router.post("/api/get_runs_for_project")
def get_runs_for_project(call: Call[OfProject], database: DatabaseDep, planned: Planned) -> Answer:
    """Return the runs of a project."""
    with database.read() as session:
        return {"data": trackio.runs_of_project(session, call.arguments.project, planned)}


@router.post("/api/get_run_summary")
def get_run_summary(call: Call[SomeRun], database: DatabaseDep, planned: Planned) -> Answer:
    """Return the metrics and the last step of a run."""
    run = call.arguments
    key = RunKey(run.project, run.run or "", run.run_id, planned)
    with database.read() as session:
        return {"data": trackio.run_summary(session, key)}
