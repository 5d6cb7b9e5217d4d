"""The task of training the runs of one message, split to fit into memory."""

import logging
import math
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from backend.specification import RunSpec, estimates
from backend.store.transitions import Claimed, Lease
from worker.leases import Heartbeat, claim, resume
from worker.reconnect import retry_while_unreachable
from worker.services import Services
from worker.trainer import Trainer, failure_sentence, log_fields
from worker.training.device import available_bytes, is_out_of_memory, release

logger = logging.getLogger(__name__)


def train(run_ids: Sequence[int], services: Services) -> None:
    """Claim the queued runs among `run_ids` and train them until they end or the worker stops.

    As many runs are trained together as fit into memory. If memory still runs out, the group is
    halved.
    """
    claimed = retry_while_unreachable(lambda: claim(services, run_ids), services.shutdown)
    leases = {run.lease.run_id: run.lease for run in claimed}
    heartbeat = Heartbeat(
        services.database,
        lambda: list(leases.values()),
        lease_seconds=services.settings.lease_seconds,
    )

    def interrupted() -> bool:
        return services.shutdown.overdue or heartbeat.useless

    if claimed:
        logger.info("training begins", extra=log_fields(leases.values()))
    groups = _fitting(claimed, services)[::-1]
    with heartbeat, services.activity.training(lambda: len(leases)):
        while groups:
            remaining = _train_group(groups.pop(), services, leases, interrupted)
            half = math.ceil(len(remaining) / 2)
            groups += [group for group in (remaining[half:], remaining[:half]) if group]
    release(services.device)


def _fitting(claimed: Sequence[Claimed], services: Services) -> list[Sequence[Claimed]]:
    """Split claimed runs into groups that are expected to fit into memory."""
    available = available_bytes(services.device, setting=services.settings.memory << 20)
    specs = [RunSpec.from_params(run.params) for run in claimed]
    sizes = [estimates.estimated_bytes(spec) for spec in specs]
    return [claimed[start:stop] for start, stop in estimates.chunks_within(sizes, available)]


def _train_group(
    claimed: Sequence[Claimed],
    services: Services,
    leases: dict[int, Lease],
    interrupted: Callable[[], bool],
) -> Sequence[Claimed]:
    """Train runs together. If memory runs out, return the runs to train in halves."""
    resumed = retry_while_unreachable(lambda: resume(services.database, claimed), services.shutdown)
    jobs = dict(enumerate(resumed))
    trainer = Trainer(services, jobs, leases)
    try:
        trainer.run(interrupted)
        return []
    except SQLAlchemyError:
        raise  # not the runs' fault: their leases expire, and another worker takes them
    except Exception as error:
        if not is_out_of_memory(error):
            logger.exception("runs could not be trained", extra=log_fields(leases.values()))
            trainer.fail(failure_sentence(error))
            return []
    # outside of the handler, because the error's traceback keeps the group alive
    trainer.release_group()
    if len(claimed) == 1:
        trainer.fail(estimates.not_enough_memory(RunSpec.from_params(claimed[0].params)))
        return []
    fields = log_fields(run.lease for run in claimed)
    logger.warning("memory ran out; trying with half of the runs at a time", extra=fields)
    trainer.flush()
    return [claimed[index] for index in jobs]
