"""The seam between training and everything else: many runs, trained side by side.

Callers speak of members by their index in the list of specifications, and get plain numbers and
bytes back; how the members are laid out on the device is the group's own business.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.datasets.sequences import Array
from backend.specification.run_spec import RunSpec
from worker.training import frames, predictions, snapshots
from worker.training.checkpoints import dump, restore
from worker.training.closed_form import ClosedForm
from worker.training.data import reference_loss
from worker.training.descent import Descent
from worker.training.ensemble import Ensemble, Interrupted, Kind
from worker.training.member import Member
from worker.training.memory import is_out_of_memory
from worker.training.predictions import Prediction
from worker.training.program import ensembles
from worker.training.snapshots import Snapshot

__all__ = [
    "EpochResult",
    "Failure",
    "Group",
    "Interrupted",
    "Kind",
    "Prediction",
    "Snapshot",
    "choose_device",
]


@dataclass(frozen=True, slots=True)
class EpochResult:
    """One member's metrics after one epoch (counted from 1)."""

    index: int
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """A member could not be trained on at this epoch.

    It has left the group, or is to be dropped once what there is of it has been taken.
    """

    index: int
    epoch: int
    error: Exception


def choose_device(*, gpu: bool = True) -> torch.device:
    """Return the GPU if there is one and it is wanted, else the CPU with one thread.

    One thread, as the models are small, and as sums then do not depend on the number of cores.
    """
    if gpu and torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_num_threads(1)
    return torch.device("cpu")


class Group:
    """Runs trained side by side. No member's curve depends on which others are in the group.

    `checkpoints` maps indices to what `checkpoint` returned in another life of the member.
    `interrupted` is asked at every step; once it says yes, `epoch` raises Interrupted. Errors that
    say that memory ran out are raised, here and by `epoch`, for the caller to try smaller groups.
    """

    def __init__(
        self,
        specs: Sequence[RunSpec],
        device: torch.device,
        *,
        checkpoints: Mapping[int, bytes] | None = None,
        interrupted: Callable[[], bool] = lambda: False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._interrupted = interrupted
        self._best: dict[int, Snapshot] = {}  # the newest taken of each
        self._failures: list[Failure] = []
        members: dict[int, Member] = {}
        states: dict[int, Mapping[str, Tensor]] = {}
        for index, spec in enumerate(specs):
            try:
                members[index] = Member(spec)
                if index in (checkpoints or {}):
                    states[index] = restore(members[index], (checkpoints or {})[index])
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                members.pop(index, None)
                self._failures.append(Failure(index, 0, error))
        self._ensembles = list(_ensembles(members, device, dtype))
        self._members = members
        self._load(states)

    def _load(self, states: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Bring members to where their checkpoints had them; fail those that do not fit theirs."""
        for one in self._ensembles:
            for place, index in enumerate(one.indices):
                if index is None or index not in states:
                    continue
                try:
                    one.ensemble.load_state(place, states[index])
                except Exception as error:
                    if is_out_of_memory(error):
                        raise
                    self._failures.append(Failure(index, 0, error))
        self.drop(*(each.index for each in self._failures if each.index in self._members))

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
        metrics: list[tuple[_Placed, Tensor]] = []
        for one in self._ensembles:
            try:
                metrics.append((one, one.ensemble.advance(self._interrupted)))
            except Interrupted:
                raise
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                found += self._failed(one, error)
        if metrics:  # the one transfer of the epoch
            values = iter(torch.cat([each.reshape(-1) for _, each in metrics]).tolist())
            for one, each in metrics:
                rows = [[next(values) for _ in range(each.shape[1])] for _ in one.indices]
                found += self._results(one, rows)
        return found

    def _failed(self, one: "_Placed", error: Exception) -> Iterator[Failure]:
        for index in one.indices:
            if index is not None:
                yield Failure(index, self._members[index].epoch, error)

    def _results(self, one: "_Placed", rows: list[list[float]]) -> Iterator[EpochResult]:
        better = []
        for place, (index, row) in enumerate(zip(one.indices, rows, strict=True)):
            if index is None:
                continue
            member = self._members[index]
            metrics = dict(zip(member.metric_keys, row, strict=True))
            if member.advance(metrics["val_loss"]):
                better.append(place)
            yield EpochResult(index, member.epoch, metrics)
        if better:
            one.ensemble.keep_best(better)

    def drop(self, *indices: int) -> None:
        """Stop training members and forget them."""
        for index in indices:
            del self._members[index]
            self._best.pop(index, None)
        for one in self._ensembles:
            one.forget(set(indices))
        self._ensembles = [one for one in self._ensembles if one.left]

    def checkpoint(self, index: int) -> tuple[int, bytes]:
        """Return a member's epoch and its whole state, to continue from as if never stopped."""
        member, (ensemble, place) = self._members[index], self._find(index)
        return member.epoch, dump(member, ensemble.state(place))

    def snapshots(self, index: int) -> list[Snapshot]:
        """Return a member's best and last model, those of them that there are."""
        member, (ensemble, place) = self._members[index], self._find(index)
        taken = []
        if member.best_epoch:
            best = self._best.get(index)
            if best is None or best.epoch != member.best_epoch:
                best = snapshots.take(member, ensemble.weights(place, "best"), "best")
                self._best[index] = best
            taken.append(best)
        if member.epoch:
            taken.append(snapshots.take(member, ensemble.weights(place, "last"), "last"))
        return taken

    def frames(self, indices: Container[int]) -> dict[int, bytes]:
        """Return frames of members' present fits; they must be drawable."""
        found: dict[int, bytes] = {}
        for asked, outputs in self._outputs(indices, frames.features):
            loss = self._members[asked[0]].spec.training.loss  # that of all of them
            found |= zip(asked, frames.encode(outputs, loss), strict=True)
        return found

    def predictions(self, indices: Container[int], kind: Kind) -> dict[int, Prediction]:
        """Return what members' best or last models answer to the first test samples.

        Those whose answers are not finite, or that have no such model, are left out.
        """
        members, found = self._members, dict[int, Prediction | None]()
        if kind == "last":
            for asked, outputs in self._outputs(indices, predictions.features):
                for index, answers in zip(asked, outputs, strict=True):
                    member = members[index]
                    found[index] = predictions.encode(member, answers, member.epoch)
        else:
            for index in (index for index in members if index in indices):
                ensemble, place = self._find(index)
                found[index] = predictions.of_best(members[index], ensemble.weights(place, "best"))
        return {index: each for index, each in found.items() if each is not None}

    def _outputs(
        self, indices: Container[int], features: Callable[[Member], Array]
    ) -> Iterator[tuple[list[int], Array]]:
        """Yield members and their outputs [members, rows, outputs] for what `features` returns."""
        for one in self._ensembles:
            places = {
                index: place
                for place, index in enumerate(one.indices)
                if index is not None and index in indices and self._members[index].epoch
            }
            if places:
                given = {
                    place: torch.tensor(features(self._members[index]))
                    for index, place in places.items()
                }
                yield list(places), one.ensemble.outputs(given).cpu().numpy()

    def samples(self, index: int) -> bytes | None:
        """Return the data points drawn beside a member's fit, None where nothing can be drawn."""
        return snapshots.samples(self._members[index])

    def reference_loss(self, index: int) -> float:
        """Return a member's validation loss of always giving the same answer."""
        member = self._members[index]
        return reference_loss(member.spec, member.data)

    def _find(self, index: int) -> tuple[Ensemble, int]:
        for one in self._ensembles:
            if index in one.indices:
                return one.ensemble, one.indices.index(index)
        raise KeyError(index)


class _Placed:
    """An ensemble and its members' indices by place; None for one that left and still takes room.

    Those that left are let go together, once they are a quarter: each time costs as some steps do.
    """

    def __init__(self, ensemble: Ensemble, indices: Sequence[int]) -> None:
        self.ensemble = ensemble
        self.indices: list[int | None] = list(indices)

    @property
    def left(self) -> bool:
        """Whether any member is still trained."""
        return any(index is not None for index in self.indices)

    def forget(self, gone: Container[int | None]) -> None:
        """Stop training members, sooner or later."""
        self.indices = [None if index in gone else index for index in self.indices]
        stay = [place for place, index in enumerate(self.indices) if index is not None]
        if stay and 4 * len(stay) <= 3 * len(self.indices):
            self.ensemble.keep(stay)
            self.indices = [self.indices[place] for place in stay]


def _ensembles(
    members: Mapping[int, Member], device: torch.device, dtype: torch.dtype
) -> Iterator[_Placed]:
    for place, member in members.items():
        if member.closed_form:
            yield _Placed(ClosedForm(member, device), [place])
    index = {id(member): index for index, member in members.items()}
    for program, chosen in ensembles(m for m in members.values() if not m.closed_form):
        ensemble = Descent(program, chosen, device, dtype)
        yield _Placed(ensemble, [index[id(member)] for member in chosen])
