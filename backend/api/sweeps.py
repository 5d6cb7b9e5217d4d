"""Sweeps over REST: create one, claim its runs, report about them, read the output of commands."""

import time
from math import nan
from typing import Annotated, Self

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from backend.errors import Conflict
from backend.store.consoles import Piece
from backend.store.logged_points import Batch
from backend.store.tables import MAX_ID
from backend.sweeps import agents, plans
from backend.sweeps.agents import MAX_CLAIMED, Report, ReportedState, Request, Sign
from backend.tracking.limits import MAX_EXPERIMENT_NAME_CHARACTERS
from backend.web.dependencies import MAX_REVISION, DatabaseDep, RunId, SettingsDep
from backend.web.idempotency import OnceDep
from backend.web.json_bodies import JsonRoute

router = APIRouter(prefix="/api", tags=["sweeps"], route_class=JsonRoute)

Text = Annotated[str, Field(max_length=6000, pattern=r"^[^\x00]*$")]
Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
AgentName = Annotated[str, Field(min_length=8, max_length=200, pattern=r"^[!-~]+$")]
MAX_READ_SERIES = 2000
MAX_HELD = 1024  # runs of one agent
MAX_ERROR_CHARACTERS = 2000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewSweep(_Body):
    """A grid of params: the values of each as text, and the number of seeds.

    `options` spells params on the command line; `command_digest` is the SHA-256 of the command,
    which stays on its machine. A run with the verdict `stop_when` is stopped.
    """

    name: Annotated[str, Field(min_length=1, max_length=MAX_EXPERIMENT_NAME_CHARACTERS - 10)]
    axes: dict[str, list[Text]]
    seeds: int | None = None
    options: dict[str, str] = {}
    command_digest: Digest
    stop_when: str | None = None
    user: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class SweepSubmitted(BaseModel):
    """A stored sweep."""

    id: int
    name: str
    url: str
    runs: int


class ClaimBody(_Body):
    """A request of an agent for at most `slots` more runs.

    Without an experiment, runs of all sweeps with the same command are granted; without a
    `command_digest`, the command is not compared.
    """

    agent: AgentName
    slots: Annotated[int, Field(ge=0, le=MAX_CLAIMED)]
    holding: Annotated[list[Id], Field(max_length=MAX_HELD)] = []
    experiment: Id | None = None
    command_digest: Digest | None = None


class Granted(BaseModel):
    """A run for an agent: the values of its params, and how their options are spelled.

    `external_id` is the run's id for clients of MLflow and Trackio. It differs in each attempt.
    """

    run_id: int
    experiment_id: int
    attempt: int
    external_id: str
    params: dict[str, str]
    options: dict[str, str]


class Claimed(BaseModel):
    """Runs for an agent, which loses them without a heartbeat for `lease_seconds`.

    `unended` counts the runs of the experiment that wait or run, null without an experiment.
    """

    runs: list[Granted]
    lease_seconds: float
    unended: int | None


class OutputBody(_Body):
    """New output of a command, and its place in the whole output in bytes of UTF-8."""

    start: Annotated[int, Field(ge=0, le=MAX_REVISION >> 1)]
    text: str


class RunSign(_Body):
    """A sign of life of one run, and new output of its command."""

    run_id: Id
    attempt: Annotated[int, Field(ge=1, le=MAX_ID)]
    output: OutputBody | None = None

    def sign(self) -> Sign:
        """Return the sign for the use case."""
        output = self.output
        piece = Piece(output.start, output.text.encode(errors="replace")) if output else None
        return Sign(self.run_id, self.attempt, piece)


class Heartbeat(_Body):
    """Signs of life of the runs of an agent."""

    agent: AgentName
    runs: Annotated[list[RunSign], Field(max_length=MAX_HELD)]


class Held(BaseModel):
    """A run that the agent still holds. `stop` is the verdict at which it is to be stopped.

    `logged` is the number of batches that were logged.
    """

    run_id: int
    cancel: bool
    stop: str | None
    logged: int


class HeldRuns(BaseModel):
    """The runs that the agent still holds. A run that is missing is no longer its own."""

    runs: list[Held]


class ReadSeries(_Body):
    """One metric that was read in the output; null is a value that is not finite."""

    steps: list[Annotated[int, Field(ge=-MAX_REVISION, le=MAX_REVISION)]]
    values: list[float | None]

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if len(self.steps) != len(self.values):
            raise ValueError("steps and values must have the same length")
        return self


class ReadingBody(_Body):
    """The metrics that an agent read in the output of a command so far, by name."""

    agent: AgentName
    run: RunSign
    series: Annotated[dict[str, ReadSeries], Field(max_length=MAX_READ_SERIES)]

    def points(self) -> Batch:
        """Return all points as one batch."""
        now = time.time_ns() // 1_000_000
        rows = [
            (name, step, now, nan if value is None else value)
            for name, series in self.series.items()
            for step, value in zip(series.steps, series.values, strict=True)
        ]
        return Batch(*zip(*rows, strict=True)) if rows else Batch()


class ReadingStored(BaseModel):
    """The answer to a reading, which is not stored if the program logs its metrics itself."""

    stored: bool


class ReportBody(_Body):
    """The end of an attempt; the state `queued` hands the run back.

    `exit_code` is negative for a signal. `error` is the reason of a failure.
    """

    agent: AgentName
    run: RunSign
    state: ReportedState
    exit_code: Annotated[int, Field(ge=-1000, le=2**31 - 1)] | None = None
    error: Annotated[str, Field(max_length=MAX_ERROR_CHARACTERS, pattern=r"^[^\x00]*$")] | None = (
        None
    )
    stopped_by: Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")] | None = None


class Accepted(BaseModel):
    """The answer to a report: the run has ended or waits again."""

    run_id: int


@router.post("/sweeps", status_code=201, summary="Create a sweep")
def create_sweep(
    body: NewSweep, response: Response, database: DatabaseDep, settings: SettingsDep, once: OnceDep
) -> SweepSubmitted:
    """Store an experiment whose runs wait for agents."""
    plan = plans.Plan(
        body.name, body.axes, body.command_digest, body.seeds, body.options, body.stop_when,
        body.user,
    )  # fmt: skip

    def create(session: Session) -> SweepSubmitted:
        experiment, run_ids = plans.create_sweep(session, plan, settings)
        url = f"/experiments/{experiment.id}"
        return SweepSubmitted(id=experiment.id, name=experiment.name, url=url, runs=len(run_ids))

    submitted = once.create(database, SweepSubmitted, create)
    response.headers["Location"] = f"/api{submitted.url}"
    return submitted


@router.post("/agents/claim", summary="Claim runs for an agent")
def claim(body: ClaimBody, database: DatabaseDep, settings: SettingsDep) -> Claimed:
    """Grant waiting runs to an agent, which starts its command with their values."""
    request = Request(body.agent, body.slots, body.holding, body.experiment, body.command_digest)
    lease_seconds = settings.agent_lease_seconds
    grants = agents.claim(database, request, lease_seconds=lease_seconds)
    unended = None
    if body.experiment is not None:
        with database.read() as session:
            unended = agents.unended(session, body.experiment)
    runs = [
        Granted(
            run_id=grant.lease.run_id,
            experiment_id=grant.lease.experiment_id,
            attempt=grant.lease.attempt,
            external_id=grant.external_id,
            params=dict(grant.params),
            options=dict(grant.options),
        )
        for grant in grants
    ]
    return Claimed(runs=runs, lease_seconds=lease_seconds, unended=unended)


@router.post("/agents/heartbeat", summary="Keep the runs of an agent")
def heartbeat(body: Heartbeat, database: DatabaseDep, settings: SettingsDep) -> HeldRuns:
    """Extend the leases of an agent, store new output, and return what it is to stop."""
    signs = [run.sign() for run in body.runs]
    with database.write() as session:
        held = agents.renew(session, body.agent, signs, settings)
    return HeldRuns(
        runs=[
            Held(
                run_id=run_id,
                cancel=run.cancel_requested,
                stop=agents.verdict_to_stop_at(run),
                logged=run.batches,
            )
            for run_id, run in held.items()
        ]
    )


@router.post("/agents/reading", summary="Store metrics read in the output")
def store_reading(body: ReadingBody, database: DatabaseDep, settings: SettingsDep) -> ReadingStored:
    """Store what an agent read in the output of a command, in place of its last reading."""
    points = body.points()
    with database.write() as session:
        stored = agents.store_reading(session, body.agent, body.run.sign(), points, settings)
    return ReadingStored(stored=stored)


@router.post("/agents/report", summary="Report how a command ended")
def report(body: ReportBody, database: DatabaseDep, settings: SettingsDep) -> Accepted:
    """End an attempt of a run. A report that is sent again changes nothing."""
    ending = Report(body.run.sign(), body.state, body.exit_code, body.error, body.stopped_by)
    with database.write() as session:
        accepted = agents.end(session, body.agent, ending, settings)
    if not accepted:
        raise Conflict(
            f"Run {body.run.run_id} is no longer that of this agent: its lease expired.", "run"
        )
    return Accepted(run_id=body.run.run_id)


class Console(BaseModel):
    """Output of a command. `end` is the place after the text, in bytes of the whole output.

    `omitted` counts the bytes that were not kept, in place of which the text has a line.
    """

    run_id: int
    end: int
    omitted: int
    text: str


@router.get("/runs/{run_id}/console", summary="Read the output of a command")
def read_console(
    run_id: RunId,
    database: DatabaseDep,
    after: Annotated[
        int, Query(ge=0, le=MAX_REVISION >> 1, description="Only the output from this place on.")
    ] = 0,
) -> Console:
    """Return what is kept of the output of a run's command, standard error included."""
    with database.read() as session:
        end, pieces = agents.console_of(session, run_id, after=after)
    text, omitted = agents.text_of(pieces, after, end)
    return Console(run_id=run_id, end=end, omitted=omitted, text=text)
