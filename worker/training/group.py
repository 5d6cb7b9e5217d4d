"""The seam between training and everything else: many runs, trained side by side.

Callers speak of members by their index in the list of specifications, and get plain numbers and
bytes back; how the members are laid out on the device is the group's own business.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from backend.spec.run import RunSpec
from worker.training import checkpoints, snapshots
from worker.training.data import reference_loss
from worker.training.member import Interrupted, Member
from worker.training.snapshots import Snapshot

__all__ = ["EpochResult", "Failure", "Group", "Interrupted", "Snapshot", "choose_device"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EpochResult:
    """One member's metrics after one epoch (counted from 1)."""

    index: int
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """A member could not be trained on, and left the group at this epoch."""

    index: int
    epoch: int
    error: Exception


def choose_device() -> torch.device:
    """Return the GPU if there is one, else the CPU with one thread.

    One thread, as the models are small, and as sums then do not depend on the number of cores.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_num_threads(1)
    return torch.device("cpu")


class Group:
    """Runs trained side by side. No member's curve depends on which others are in the group.

    `checkpoints` maps indices to what `checkpoint` returned in another life of the member.
    `interrupted` is asked at every step; once it says yes, `epoch` raises Interrupted.
    """

    def __init__(
        self,
        specs: Sequence[RunSpec],
        device: torch.device,
        *,
        checkpoints: Mapping[int, bytes] | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._interrupted = interrupted
        self._members: dict[int, Member] = {}
        self._best: dict[int, Snapshot | None] = {}  # the newest taken of each
        self._failures: list[Failure] = []
        for index, spec in enumerate(specs):
            self._add(index, spec, device, (checkpoints or {}).get(index))

    def _add(
        self, index: int, spec: RunSpec, device: torch.device, checkpoint: bytes | None
    ) -> None:
        try:
            member = Member(spec, device)
            if checkpoint is not None:
                _restore(member, checkpoint)
        except Exception as error:  # noqa: BLE001 - the others are to be trained all the same
            self._failures.append(Failure(index, 0, error))
        else:
            self._members[index] = member

    @property
    def active(self) -> tuple[int, ...]:
        """Members that are trained on."""
        return tuple(self._members)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to train or to report."""
        return not self._members and not self._failures

    def epoch(self) -> list[EpochResult | Failure]:
        """Advance every active member one epoch. Raises Interrupted, with nothing usable after."""
        found: list[EpochResult | Failure] = [*self._failures]
        self._failures.clear()
        advanced: list[tuple[int, torch.Tensor]] = []
        for index, member in list(self._members.items()):
            try:
                member.train(self._interrupted)
                advanced.append((index, member.evaluate(self._interrupted)))
            except Interrupted:
                raise
            except Exception as error:  # noqa: BLE001 - ends this member, not the others
                del self._members[index]
                found.append(Failure(index, member.epoch, error))
        return found + self._read(advanced)

    def _read(self, advanced: list[tuple[int, torch.Tensor]]) -> list[EpochResult]:
        """Bring an epoch's metrics to the host: the one transfer of the epoch."""
        if not advanced:
            return []
        values = iter(torch.cat([metrics for _, metrics in advanced]).tolist())
        results = []
        for index, _ in advanced:
            member = self._members[index]
            metrics = {key: next(values) for key in member.metric_keys}
            member.keep_best(metrics["val_loss"])
            results.append(EpochResult(index, member.epoch, metrics))
        return results

    def drop(self, index: int) -> None:
        """Stop training a member and forget it."""
        del self._members[index]
        self._best.pop(index, None)

    def checkpoint(self, index: int) -> tuple[int, bytes]:
        """Return a member's epoch and its whole state, to continue from as if never stopped."""
        member = self._members[index]
        return member.epoch, checkpoints.dump(member)

    def snapshots(self, index: int) -> list[Snapshot]:
        """Return a member's best and last model, those of them that there are."""
        member = self._members[index]
        best = self._best.get(index)
        if best is None or best.epoch != member.best_epoch:
            best = self._best[index] = snapshots.take(member, "best")
        return [one for one in (best, snapshots.take(member, "last")) if one is not None]

    def samples(self, index: int) -> bytes | None:
        """Return the data points drawn beside a member's fit, None where nothing can be drawn."""
        return snapshots.samples(self._members[index])

    def reference_loss(self, index: int) -> float:
        """Return a member's validation loss of always giving the same answer."""
        member = self._members[index]
        return reference_loss(member.spec, member.data)


def _restore(member: Member, checkpoint: bytes) -> None:
    checkpoints.restore(member, checkpoint)
    logger.info("continuing after epoch %d", member.epoch)
