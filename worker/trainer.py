"""Trains claimed runs: from the queue's ids to ended runs, whatever happens on the way."""

import logging
import math
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from backend.runs.states import State
from backend.specification import memory
from backend.store.transitions import Claimed, Lease
from worker.claims import Job, claim, take_up
from worker.heartbeat import Heartbeat
from worker.judgement import is_watched, judge
from worker.patience import until_answered
from worker.recorder import MAX_BACKLOG, Recorder
from worker.services import Services
from worker.training.device import available_bytes, is_out_of_memory, release
from worker.training.ensemble import Interrupted, ModelVersion
from worker.training.group import EpochResult, Failure, Group
from worker.training.prediction_files import records_at

logger = logging.getLogger(__name__)

CHECKPOINT_SHARE = 100  # training lasts at least so many times as long as taking a checkpoint


def train(run_ids: Sequence[int], services: Services) -> None:
    """Claim those of `run_ids` that wait, and train them until they end or the worker stops.

    They are trained together as far as memory allows: a part for which it runs out is halved.
    """
    claimed = until_answered(lambda: claim(services, run_ids), services.stopping)
    leases = {each.lease.run_id: each.lease for each in claimed}
    heartbeat = Heartbeat(
        services.database,
        lambda: list(leases.values()),
        lease_seconds=services.settings.lease_seconds,
    )

    def interrupted() -> bool:
        return services.stopping.overdue or heartbeat.useless

    if claimed:
        logger.info("training begins", extra=_together(leases.values()))
    parts = _fitting(claimed, services)[::-1]
    with heartbeat, services.activity.training(lambda: len(leases)):
        while parts:
            left = _train_part(parts.pop(), services, leases, interrupted)
            half = math.ceil(len(left) / 2)
            parts += [part for part in (left[half:], left[:half]) if part]
    release(services.device)


def _fitting(claimed: Sequence[Claimed], services: Services) -> list[Sequence[Claimed]]:
    """Cut claimed runs into parts that are likely to fit into memory."""
    available = available_bytes(services.device, setting=services.settings.memory << 20)
    sizes = [memory.estimated_bytes(each.params) for each in claimed]
    return [claimed[start:stop] for start, stop in memory.stretches(sizes, available)]


def _train_part(
    part: Sequence[Claimed],
    services: Services,
    leases: dict[int, Lease],
    interrupted: Callable[[], bool],
) -> Sequence[Claimed]:
    """Train runs together; return those for which memory ran out, to be trained by halves."""
    taken = until_answered(lambda: take_up(services.database, part), services.stopping)
    jobs = dict(enumerate(taken))
    trainer = Trainer(services, jobs, leases)
    try:
        trainer.run(interrupted)
        return []
    except SQLAlchemyError:
        raise  # no fault of the runs: their leases end, and another worker takes them up
    except Exception as error:
        if not is_out_of_memory(error):
            logger.exception("runs could not be trained", extra=_together(leases.values()))
            trainer.fail(_sentence(error))
            return []
    # outside of the handler, as the error's traceback keeps the group alive
    trainer.let_go()
    if len(part) == 1:
        trainer.fail(memory.sentence(part[0].params))
        return []
    ids = _together(each.lease for each in part)
    logger.warning("memory ran out; trying with half of the runs at a time", extra=ids)
    trainer.flush()
    return [part[index] for index in jobs]


class Trainer:
    """Trains runs together, and has them recorded. `jobs` and `leases` lose what has ended."""

    def __init__(self, services: Services, jobs: dict[int, Job], leases: dict[int, Lease]) -> None:
        self._services, self._jobs, self._leases = services, jobs, leases
        self._group: Group | None = None
        settings = services.settings
        self._recorder = Recorder(
            services.database,
            services.notifier,
            record_seconds=settings.record_seconds,
            lease_seconds=settings.lease_seconds,
        )
        self._checkpoint_at = time.monotonic() + settings.checkpoint_seconds

    def run(self, interrupted: Callable[[], bool]) -> None:
        """Train until every run has ended, or the worker stops."""
        group: Group | None = None
        while not (group and group.idle) and not self._services.stopping.asked:
            group = group or self._begin(interrupted)
            try:
                results = group.epoch()
            except Interrupted:
                group = None  # within an epoch: its weights are of no use
                break
            self._take(group, results)
            self._record(group)
        self._hand_back(group)
        self.flush()

    def _begin(self, interrupted: Callable[[], bool]) -> Group:
        """Make the group, and have what is known before the first epoch recorded."""
        jobs = self._jobs
        checkpoints = {i: job.checkpoint for i, job in jobs.items() if job.checkpoint is not None}
        for job in jobs.values():
            job.checkpoint = None
        specs = [job.spec for job in jobs.values()]
        group = self._group = Group(
            specs, self._services.device, checkpoints=checkpoints, interrupted=interrupted
        )
        for index in group.active:
            job = jobs[index]
            if index in checkpoints:
                logger.info("run continues", extra=job.lease.ids | {"recorded": job.recorded})
            job.constant_loss = job.unwritten.reference_loss = group.reference_loss(index)
            job.unwritten.samples = group.samples(index)
        self._write()
        return group

    def flush(self) -> None:
        """Write what is unwritten, and wait for it while the worker need not stop."""
        while self._jobs and not self._write() and not self._services.stopping.asked:
            time.sleep(self._recorder.seconds_until_due())

    def fail(self, sentence: str) -> None:
        """End what has not ended as failed, with what is known of it."""
        alive = [index for index, job in self._jobs.items() if job.unwritten.ending is None]
        ended: dict[int, tuple[State, str | None]] = dict.fromkeys(alive, ("failed", sentence))
        try:
            self._end(ended)
        except Exception:
            ids = _together(job.lease for job in self._jobs.values())
            logger.exception("the runs' models are lost", extra=ids)
            self._group = None
            self._end(ended)
        self.flush()

    def let_go(self) -> None:
        """Forget the group, and free the memory it takes."""
        self._group = None
        release(self._services.device)

    def _take(self, group: Group, results: Sequence[EpochResult | Failure]) -> None:
        """Judge each member's epoch: go on, or end the run."""
        due = {
            one.index for one in results if isinstance(one, EpochResult) and records_at(one.epoch)
        }
        self._ask(group, due & self._jobs.keys(), "last")
        ended: dict[int, tuple[State, str | None]] = {}
        watched: dict[int, int] = {}  # epochs by members whose fit is to be kept
        for result in results:
            job = self._jobs.get(result.index)
            if job is None:
                continue
            if isinstance(result, Failure):
                if is_out_of_memory(result.error):
                    raise result.error
                logger.error("run failed", extra=job.lease.ids, exc_info=result.error)
                ended[result.index] = "failed", _sentence(result.error)
            elif ending := judge(job, result):
                ended[result.index] = ending
            elif is_watched(job, result.epoch):
                watched[result.index] = result.epoch
        if watched:
            for index, frame in group.frames(watched).items():
                self._jobs[index].unwritten.frames.append((watched[index], frame))
        if ended:
            self._end(ended)

    def _ask(self, group: Group, indices: Container[int], kind: ModelVersion) -> None:
        """Have what members' models answer to the test samples recorded."""
        for index, answers in group.predictions(indices, kind).items():
            self._jobs[index].unwritten.predictions.append(answers)

    def _end(self, ended: Mapping[int, tuple[State, str | None]]) -> None:
        """End runs, each with its state and, if that is failed, a sentence why."""
        group = self._group
        active = set(ended) & set(group.active) if group else set()
        # first, as memory may run out meanwhile: then no run has ended
        taken = {index: group.snapshots(index) for index in active} if group else {}
        if group:
            self._ask(group, active, "best")
            self._ask(group, {i for i in active if ended[i][0] != "failed"}, "last")
        for index, (state, error) in ended.items():
            unwritten = self._jobs[index].unwritten
            unwritten.ending, unwritten.error = state, error
            # of a run that failed, the last weights are of no use and the best all the more
            unwritten.snapshots = [
                one for one in taken.get(index, ()) if state != "failed" or one.kind == "best"
            ]
        if group:
            group.drop(*active)

    def _hand_back(self, group: Group | None) -> None:
        """Give what has not ended back to the queue, with the state that the group has it in."""
        for index, job in self._jobs.items():
            if job.unwritten.ending is None:
                job.unwritten.ending = "queued"
                if group:
                    _keep(job, group, index)

    def _record(self, group: Group) -> None:
        """Write if it is time to; wait if too much is unwritten."""
        if self._recorder.due:
            self._checkpoint(group)
            self._write()
        while self._recorder.failing and self._backlog() > MAX_BACKLOG:
            if self._services.stopping.asked:
                return
            time.sleep(self._recorder.seconds_until_due())
            self._write()

    def _backlog(self) -> int:
        return sum(len(job.unwritten.results) for job in self._jobs.values())

    def _checkpoint(self, group: Group) -> None:
        """Take checkpoints and snapshots if it is time to."""
        started = time.monotonic()
        if started < self._checkpoint_at:
            return
        for index in group.active:
            _keep(self._jobs[index], group, index)
        taken = time.monotonic()
        pause = max(
            self._services.settings.checkpoint_seconds, CHECKPOINT_SHARE * (taken - started)
        )
        self._checkpoint_at = taken + pause

    def _write(self) -> bool:
        """Write what is unwritten; forget what ended or was lost. False: the database is away."""
        endings = {index: job.unwritten.ending for index, job in self._jobs.items()}
        ended = {index for index, ending in endings.items() if ending is not None}
        epochs = {job.lease.run_id: len(job.unwritten.results) for job in self._jobs.values()}
        held = self._recorder.write(list(self._jobs.values()))
        if held is None:
            return False
        self._services.activity.add(sum(epochs[run_id] for run_id in held))
        lost: list[int] = []
        cancelled: dict[int, tuple[State, str | None]] = {}
        for index, job in list(self._jobs.items()):
            run_id = job.lease.run_id
            if index in ended or run_id not in held:
                _say(job, endings.get(index) if run_id in held else None)
                del self._jobs[index]
                self._leases.pop(run_id, None)
                lost.append(index)
            elif held[run_id]:
                cancelled[index] = "cancelled", None
        if self._group:
            self._group.drop(*set(lost) & set(self._group.active))
        self._end(cancelled)
        return True


def _say(job: Job, ending: State | None) -> None:
    """Tell the log how this worker let go of a run."""
    how = "lost to another worker" if ending is None else ending
    logger.info("run let go", extra=job.lease.ids | {"state": how})


def _together(leases: Iterable[Lease]) -> dict[str, object]:
    """What a line of the log about runs that train together names."""
    every = list(leases)
    return {
        "experiments": sorted({lease.experiment_id for lease in every}),
        "runs": sorted(lease.run_id for lease in every),
    }


def _keep(job: Job, group: Group, index: int) -> None:
    """Have a run's present state recorded."""
    job.unwritten.checkpoint = group.checkpoint(index)
    job.unwritten.snapshots = group.snapshots(index)


def _sentence(error: Exception) -> str:
    """Say in one sentence why a run could not be trained."""
    first_line = next(iter(str(error).splitlines()), "").rstrip(".")
    return f"Training failed unexpectedly: {type(error).__name__}: {first_line}."
