"""Use cases of agents: claim planned runs, keep them, and report how their commands ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from backend.diagnosis.verdicts import Kind
from backend.errors import Conflict, NotFound
from backend.runs.states import ENDED
from backend.settings import Settings
from backend.store import Database, consoles, experiments, external_runs, planned_runs
from backend.store.consoles import Piece
from backend.store.logged_points import Batch
from backend.store.planned_runs import Grant, HeldRun, Wanted
from backend.store.transitions import Ending, Lease
from backend.tracking import diagnoses
from backend.tracking.limits import check_batch

MAX_CLAIMED = 64  # runs at once
ReportedState = Literal["finished", "failed", "cancelled", "queued"]
"""How an agent ends an attempt: queued hands the run back."""


@dataclass(frozen=True)
class Request:
    """An agent's request for runs. `holding` are the runs that it works on."""

    agent: str
    slots: int
    holding: Sequence[int]
    experiment_id: int | None = None
    command_digest: str | None = None


def claim(database: Database, request: Request, *, lease_seconds: float) -> list[Grant]:
    """Grant queued runs to an agent.

    Runs that were granted to it in an answer which was lost are granted again. Raises NotFound, and
    Conflict for an experiment that is not a sweep or has another command.
    """
    wanted = Wanted(request.experiment_id, request.command_digest)
    with database.read() as session:
        if request.experiment_id is not None:
            _check_experiment(session, request.experiment_id, request.command_digest)
        unknown = [
            grant
            for grant in planned_runs.held_by(session, request.agent)
            if grant.lease.run_id not in request.holding
        ]
        slots = min(MAX_CLAIMED, request.slots - len(unknown))
        if slots <= 0 or not planned_runs.waiting(session, wanted, 1, lock=False):
            return unknown
    with database.write() as session:
        run_ids = planned_runs.waiting(session, wanted, slots)
        planned_runs.claim(session, run_ids, agent=request.agent, lease_seconds=lease_seconds)
        return [
            grant
            for grant in planned_runs.held_by(session, request.agent)
            if grant.lease.run_id not in request.holding
        ]


def _check_experiment(session: Session, experiment_id: int, command_digest: str | None) -> None:
    if experiments.get(session, experiment_id).deleted_at is not None:
        raise Conflict(f"Experiment {experiment_id} is deleted; restore it first.")
    sweep = planned_runs.sweep_of(session, experiment_id)
    if sweep is None:
        raise Conflict(f"Experiment {experiment_id} is not a sweep; agents have nothing to start.")
    if command_digest is not None and sweep.command_digest != command_digest:
        raise Conflict(
            f"Experiment {experiment_id} was made for another command; give the same one, or start "
            "the agent with --other-command.",
            "command",
        )


@dataclass(frozen=True)
class Sign:
    """A sign of life of one run: the attempt, and output that is new."""

    run_id: int
    attempt: int
    output: Piece | None = None


def renew(
    session: Session, agent: str, signs: Sequence[Sign], settings: Settings
) -> dict[int, HeldRun]:
    """Extend the leases of an agent and store new output; return the runs that it still holds."""
    leases = [(sign.run_id, sign.attempt) for sign in signs]
    lease_seconds = settings.agent_lease_seconds
    held = planned_runs.renew(session, leases, agent=agent, lease_seconds=lease_seconds)
    for sign in signs:
        if sign.output is not None and sign.run_id in held:
            keep = settings.max_console_bytes
            consoles.append(session, sign.run_id, sign.output, keep=keep)
    return held


def verdict_to_stop_at(held: HeldRun) -> str | None:
    """Return the verdict at which a command is to be stopped, None while it may go on.

    A gap between the losses that has settled is overfitting, but more training does no harm.
    """
    if held.stop_when is None or held.verdict != held.stop_when or held.kind == Kind.GAP:
        return None
    return held.verdict


def store_reading(
    session: Session, agent: str, sign: Sign, points: Batch, settings: Settings
) -> bool:
    """Store the points that an agent read in the output of a run that logs nothing itself.

    They replace those of its last reading. Returns False if the program logs, or the run is lost.
    Raises InvalidInput.
    """
    check_batch(points)
    held = renew(session, agent, [sign], settings)
    return sign.run_id in held and planned_runs.replace_reading(session, held[sign.run_id], points)


@dataclass(frozen=True)
class Report:
    """The end of an attempt. `stopped_by` is the verdict at which the command was stopped."""

    sign: Sign
    state: ReportedState
    exit_code: int | None = None
    error: str | None = None
    stopped_by: str | None = None


def end(session: Session, agent: str, report: Report, settings: Settings) -> bool:
    """End an attempt; return False if the agent does not hold the run any more.

    A report that was received before is accepted again.
    """
    sign = report.sign
    held = renew(session, agent, [sign], settings)
    if sign.run_id not in held:
        return planned_runs.has_ended_so(session, sign.run_id, sign.attempt, agent=agent)
    run = held[sign.run_id].run
    state = report.state
    if state == "queued" and held[sign.run_id].cancel_requested:
        state = "cancelled"
    lease = Lease(run.run_id, run.experiment_id, sign.attempt)
    ending = Ending(lease, state, report.error if state == "failed" else None)
    planned_runs.end(session, ending, exit_code=report.exit_code)
    if report.stopped_by:
        external_runs.set_tags(session, run, {planned_runs.STOPPED_TAG: report.stopped_by})
    if state in ENDED:
        diagnoses.diagnose_now(session, run)
    return True


def unended(session: Session, experiment_id: int) -> int:
    """Return how many runs of an experiment wait or run."""
    counts = experiments.counts(session, [experiment_id])[experiment_id]
    return counts["queued"] + counts["running"]


def console_of(session: Session, run_id: int, *, after: int = 0) -> tuple[int, list[Piece]]:
    """Return how many bytes a run's command has printed, and the output that is kept.

    Raises NotFound for a run that no agent started.
    """
    planned = planned_runs.of_run(session, run_id)
    if planned is None:
        raise NotFound(f"Run {run_id} has no console output: no agent started it.")
    return planned.console_bytes, consoles.read(session, run_id, after=after)


def text_of(pieces: Sequence[Piece], start: int, end: int) -> tuple[str, int]:
    """Return pieces as text with a line for each gap, and the number of bytes in the gaps."""
    parts: list[str] = []
    place = start
    omitted = 0
    for piece in [*pieces, Piece(end, b"")]:
        gap = piece.start - place
        if gap > 0:
            omitted += gap
            parts.append(f"\n... {gap:,} bytes were not kept ...\n")
        parts.append(piece.content.decode(errors="replace"))
        place = piece.end
    return "".join(parts), omitted
