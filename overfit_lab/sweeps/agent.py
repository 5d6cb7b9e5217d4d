"""An agent: claims runs, keeps their jobs running at once, and reports how they end.

One loop does everything, so that no state is shared between threads. The server may be unreachable
at any time: jobs go on, and their reports are sent later.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from overfit_lab.connection import Json, Unreachable
from overfit_lab.sweeps.commands import InvalidCommand
from overfit_lab.sweeps.gpus import gpu_variables
from overfit_lab.sweeps.jobs import End, Job
from overfit_lab.sweeps.service import Grant, Held, Service, Wanted
from overfit_lab.sweeps.surroundings import job_environment

LOOP_SECONDS = 0.05
BEAT_SECONDS = 1.0  # output is shown as soon
CLAIM_SECONDS = 1.0
RETRY_SECONDS = 1.0  # while the server is unreachable
SENT_BYTES = 1 << 20  # of output in one request
GIVE_UP_SECONDS = 5.0  # a stopped agent does not wait longer for an unreachable server

LOST, CANCELLED, RELEASED, STOPPED = "lost", "cancelled", "released", "stopped by "
"""Reasons to stop a job; the last is followed by a verdict."""

Say = Callable[[str], None]


class Launcher(Protocol):
    """Starts jobs."""

    def start(self, grant: Grant, env: Mapping[str, str], slot: int) -> Job:
        """Start the job of a run in a slot. Raises InvalidCommand."""


class Agent:
    """Runs up to `jobs` jobs at once, each with one of `gpus` if there are any."""

    def __init__(
        self,
        service: Service,
        launcher: Launcher,
        wanted: Wanted,
        *,
        jobs: int,
        gpus: Sequence[str] = (),
        say: Say = lambda _: None,
    ) -> None:
        self._service, self._launcher, self._wanted = service, launcher, wanted
        self._slots, self._gpus, self._say = jobs, list(gpus), say
        self._jobs: dict[int, Job] = {}
        self._ends: dict[int, End] = {}  # of jobs that ended and are not reported yet
        self._stopping = False
        self._unreachable_since = 0.0
        self._next: dict[str, float] = {}
        self._reachable = True
        self._unended: int | None = None

    def stop(self) -> None:
        """Ask the agent to end its jobs and give its runs back; called again, kill the jobs.

        Signal handlers call it, so it only notes the wish.
        """
        if self._stopping:
            for job in self._jobs.values():
                job.kill(RELEASED)
        self._stopping = True

    def run(self) -> None:
        """Work until no run of the experiment is left, or until stopped.

        Raises Refused if the server refuses the agent, for example for a wrong token.
        """
        try:
            while not self._is_done():
                self.step()
                time.sleep(LOOP_SECONDS)
        finally:
            for job in self._jobs.values():
                job.kill(RELEASED)

    def step(self) -> None:
        """Do once all that is due."""
        for run_id, job in self._jobs.items():
            if run_id not in self._ends and (end := job.ended()):
                self._ends[run_id] = end
            if self._stopping and run_id not in self._ends:
                job.stop(RELEASED)
            job.kill_overdue()
        try:
            if self._is_due("beat", BEAT_SECONDS) and self._jobs:
                self._beat()
            if self._ends and self._is_due("report", 0):
                self._report()
            if not self._stopping and self._is_due("claim", CLAIM_SECONDS):
                self._claim()
        except Unreachable as error:
            self._note_unreachable(str(error))

    def _is_done(self) -> bool:
        if self._jobs:
            waited = time.monotonic() - self._unreachable_since
            gone = not self._reachable and waited > GIVE_UP_SECONDS
            return self._stopping and gone and len(self._ends) == len(self._jobs)
        return self._stopping or (self._wanted.experiment is not None and self._unended == 0)

    def _is_due(self, name: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._next.get(name, 0.0):
            return False
        self._next[name] = now + seconds
        return True

    def _note_reachable(self) -> None:
        if not self._reachable:
            self._say(f"{self._service.url} answers again.")
        self._reachable = True

    def _note_unreachable(self, reason: str) -> None:
        if self._reachable:
            self._unreachable_since = time.monotonic()
            self._say(f"{reason}; jobs go on, and are reported later.")
        self._reachable = False
        later = time.monotonic() + RETRY_SECONDS
        self._next |= dict.fromkeys(("beat", "report", "claim"), later)

    def _claim(self) -> None:
        free = self._slots - len(self._jobs)
        if free <= 0:
            return
        grants, self._unended = self._service.claim(self._wanted, free, list(self._jobs))
        self._note_reachable()
        for grant in grants:
            self._start(grant)

    def _start(self, grant: Grant) -> None:
        used = {job.slot for job in self._jobs.values()}
        slot = next(number for number in range(len(used) + 1) if number not in used)
        service = self._service
        gpu = gpu_variables(self._gpus, slot)
        env = job_environment(grant, service.url, service.token, gpu)
        try:
            self._jobs[grant.run_id] = self._launcher.start(grant, env, slot)
        except (InvalidCommand, OSError, ValueError) as error:
            ending = {"state": "failed", "error": f"The command could not be started: {error}"}
            service.report({"run_id": grant.run_id, "attempt": grant.attempt}, **ending)
            return
        values = " ".join(f"{name}={value}" for name, value in grant.params.items())
        self._say(f"run {grant.run_id} started: {values}")

    def _beat(self) -> None:
        """Report that the jobs are alive, send their output, and do what the server asks for."""
        limit = SENT_BYTES // len(self._jobs)
        signs = {run_id: self._sign(job, limit) for run_id, job in self._jobs.items()}
        held = self._service.heartbeat(list(signs.values()))
        self._note_reachable()
        for run_id, job in list(self._jobs.items()):
            if run_id not in held:
                job.kill(LOST)
                continue
            self._forget_sent(job, signs[run_id])
            if run_id not in self._ends:
                self._obey(job, held[run_id])
                self._read(job, final=False)

    def _obey(self, job: Job, held: Held) -> None:
        if held.cancel:
            job.stop(CANCELLED)
        elif held.stop:
            job.stop(STOPPED + held.stop)

    def _read(self, job: Job, *, final: bool) -> None:
        """Send what the output says about the metrics, unless the program logs them itself."""
        reading = job.output.reading
        if not reading.is_needed or not (final or reading.is_due()):
            return
        sign = {"run_id": job.grant.run_id, "attempt": job.grant.attempt}
        series = reading.series(final=final)
        if series and not self._service.store_reading(sign, series):
            reading.stop()

    def _sign(self, job: Job, limit: int) -> Json:
        sign: Json = {"run_id": job.grant.run_id, "attempt": job.grant.attempt}
        if unsent := job.output.unsent(limit):
            sign["output"] = dict(zip(("start", "text"), unsent, strict=True))
        return sign

    def _forget_sent(self, job: Job, sign: Json) -> None:
        if output := sign.get("output"):
            job.output.forget(output["start"] + len(output["text"].encode()))

    def _report(self) -> None:
        """Report the jobs that have ended, after all of their output."""
        for run_id, end in list(self._ends.items()):
            job = self._jobs[run_id]
            ending = _ending(job, end)
            if job.stopped_for != LOST:
                while job.output.unsent(1):
                    sign = self._sign(job, SENT_BYTES)
                    if run_id not in self._service.heartbeat([sign]):
                        break
                    self._forget_sent(job, sign)
                self._read(job, final=True)
                sign = {"run_id": run_id, "attempt": job.grant.attempt}
                if not self._service.report(sign, **ending):
                    ending = {"state": LOST}
            del self._jobs[run_id], self._ends[run_id]
            self._next["claim"] = 0.0  # a slot is free
            self._say(f"run {run_id} {_in_words(ending)}")


def _ending(job: Job, end: End) -> Json:
    """Return the report of a job's end."""
    code: Json = {"exit_code": end.exit_code}
    if job.stopped_for == LOST:
        return {"state": LOST}
    if job.stopped_for.startswith(STOPPED):
        return {"state": "finished", "stopped_by": job.stopped_for.removeprefix(STOPPED), **code}
    if job.stopped_for == CANCELLED:
        return {"state": "cancelled", **code}
    if job.stopped_for == RELEASED:  # whatever the exit code: it may have ended early
        return {"state": "queued"}
    if end.error is None:
        return {"state": "finished", **code}
    return {"state": "failed", "error": end.error, **code}


def _in_words(ending: Json) -> str:
    match ending:
        case {"state": "queued"}:
            return "was given back"
        case {"state": "failed", "error": error}:
            return f"failed: {error}"
        case {"state": "finished", "stopped_by": verdict}:
            return f"was stopped: {verdict}"
        case {"state": "lost"}:
            return "was ended, because the server gave it to another agent"
    return str(ending["state"])
