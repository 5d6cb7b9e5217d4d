"""The interface between training and everything else: many runs that are trained side by side.

Callers address members by their index in the list of specifications and get plain numbers and bytes
back. How the members are laid out on the device is internal to the group.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.series import Array
from backend.specification.run_spec import RunSpec
from worker.training import fits, model_files
from worker.training.closed_form import ClosedForm
from worker.training.data import reference_loss
from worker.training.device import is_out_of_memory
from worker.training.ensemble import Ensemble, Interrupted, ModelVersion, PlacedEnsemble
from worker.training.gradient_descent import GradientDescent
from worker.training.member import GroupMember
from worker.training.model_files import (
    PredictionFile,
    SnapshotFiles,
    dump_checkpoint,
    restore_checkpoint,
)
from worker.training.program import ensembles


@dataclass(frozen=True, slots=True)
class EpochResult:
    """The metrics of one member after one epoch (counted from 1)."""

    index: int
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """A member whose training failed at this epoch.

    It has either left the group already, or the caller drops it after taking its snapshots.
    """

    index: int
    epoch: int
    error: Exception


class Group:
    """Runs trained side by side. No member's curve depends on which others are in the group.

    `checkpoints` maps indices to the bytes that `checkpoint` returned in an earlier attempt.
    `interrupted` is called at every step; once it returns True, `epoch` raises Interrupted. Errors
    that mean that memory ran out are raised, both here and by `epoch`, so that the caller can try
    smaller groups.
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
        self._best: dict[int, SnapshotFiles] = {}  # the newest best snapshot of each member
        self._failures: list[Failure] = []
        members: dict[int, GroupMember] = {}
        states: dict[int, Mapping[str, Tensor]] = {}
        for index, spec in enumerate(specs):
            try:
                members[index] = GroupMember(spec)
                if index in (checkpoints or {}):
                    states[index] = restore_checkpoint(members[index], (checkpoints or {})[index])
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                members.pop(index, None)
                self._failures.append(Failure(index, 0, error))
        self._ensembles = list(_ensembles(members, device, dtype))
        self._members = members
        self._load(states)

    def _load(self, states: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Restore members from their checkpoints; fail members whose checkpoint does not fit."""
        for placed in self._ensembles:
            for position, index in enumerate(placed.indices):
                if index is None or index not in states:
                    continue
                try:
                    placed.ensemble.load_state(position, states[index])
                except Exception as error:
                    if is_out_of_memory(error):
                        raise
                    self._failures.append(Failure(index, 0, error))
        self.drop(*(failure.index for failure in self._failures if failure.index in self._members))

    @property
    def active(self) -> tuple[int, ...]:
        """Indices of the members that are still trained."""
        return tuple(self._members)

    @property
    def idle(self) -> bool:
        """True if there is nothing left to train or to report."""
        return not self._members and not self._failures

    def epoch(self) -> list[EpochResult | Failure]:
        """Train every active member for one epoch.

        Raises Interrupted, after which the group is unusable.
        """
        results: list[EpochResult | Failure] = [*self._failures]
        self._failures.clear()
        metrics: list[tuple[PlacedEnsemble, Tensor]] = []
        for placed in self._ensembles:
            try:
                metrics.append((placed, placed.ensemble.advance(self._interrupted)))
            except Interrupted:
                raise
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                results += self._failed(placed, error)
        if metrics:  # the only transfer from the device in an epoch
            values = iter(
                torch.cat(
                    [values_by_member.reshape(-1) for _, values_by_member in metrics]
                ).tolist()
            )
            for placed, values_by_member in metrics:
                rows = [
                    [next(values) for _ in range(values_by_member.shape[1])] for _ in placed.indices
                ]
                results += self._results(placed, rows)
        return results

    def _failed(self, placed: PlacedEnsemble, error: Exception) -> Iterator[Failure]:
        for index in placed.indices:
            if index is not None:
                yield Failure(index, self._members[index].epoch, error)

    def _results(self, placed: PlacedEnsemble, rows: list[list[float]]) -> Iterator[EpochResult]:
        better = []
        for position, (index, row) in enumerate(zip(placed.indices, rows, strict=True)):
            if index is None:
                continue
            member = self._members[index]
            metrics = dict(zip(member.metric_keys, row, strict=True))
            if member.advance(metrics["val_loss"]):
                better.append(position)
            yield EpochResult(index, member.epoch, metrics)
        if better:
            placed.ensemble.keep_best(better)

    def drop(self, *indices: int) -> None:
        """Stop training members and forget them."""
        for index in indices:
            del self._members[index]
            self._best.pop(index, None)
        for placed in self._ensembles:
            placed.forget(set(indices))
        self._ensembles = [placed for placed in self._ensembles if placed.in_training]

    def checkpoint(self, index: int) -> tuple[int, bytes]:
        """Return a member's epoch and the checkpoint from which another group can continue it."""
        member, (ensemble, position) = self._members[index], self._find(index)
        return member.epoch, dump_checkpoint(member, ensemble.state(position))

    def snapshots(self, index: int) -> list[SnapshotFiles]:
        """Return a member's best and last model, as far as they exist."""
        member, (ensemble, position) = self._members[index], self._find(index)
        models = []
        if member.best_epoch:
            best = self._best.get(index)
            if best is None or best.epoch != member.best_epoch:
                best = model_files.take_snapshot(member, ensemble.weights(position, "best"), "best")
                self._best[index] = best
            models.append(best)
        if member.epoch:
            models.append(
                model_files.take_snapshot(member, ensemble.weights(position, "last"), "last")
            )
        return models

    def frames(self, indices: Container[int]) -> dict[int, bytes]:
        """Return frames of the current fits of members, all of which must be drawable."""
        frames_by_index: dict[int, bytes] = {}
        for chunk, outputs in self._outputs(indices, _frame_inputs):
            loss = self._members[chunk[0]].spec.training.loss  # that of all of them
            frames_by_index |= zip(chunk, fits.encode_frames(outputs, loss), strict=True)
        return frames_by_index

    def predictions(
        self, indices: Container[int], kind: ModelVersion, *, pictured: bool = False
    ) -> dict[int, PredictionFile]:
        """Return the predictions of members' best or last models for the first test samples.

        With `pictured`, files of last models also hold what a page draws; those of best always do.
        Members without such a model, or with an output that is not finite, are left out.
        """
        members, predictions_by_index = self._members, dict[int, PredictionFile | None]()
        if kind == "last":
            for chunk, outputs in self._outputs(indices, model_files.features):
                for index, member_outputs in zip(chunk, outputs, strict=True):
                    member = members[index]
                    predictions_by_index[index] = model_files.encode(
                        member, member_outputs, member.epoch, pictured=pictured
                    )
        else:
            for index in (index for index in members if index in indices):
                ensemble, position = self._find(index)
                predictions_by_index[index] = model_files.of_best(
                    members[index], ensemble.weights(position, "best")
                )
        return {
            index: prediction
            for index, prediction in predictions_by_index.items()
            if prediction is not None
        }

    def _outputs(
        self, indices: Container[int], features: Callable[[GroupMember], Array]
    ) -> Iterator[tuple[list[int], Array]]:
        """Yield members and their outputs [members, rows, outputs] for what `features` returns."""
        for placed in self._ensembles:
            positions = {
                index: position
                for position, index in enumerate(placed.indices)
                if index is not None and index in indices and self._members[index].epoch
            }
            if positions:
                inputs = {
                    position: torch.tensor(features(self._members[index]))
                    for index, position in positions.items()
                }
                yield list(positions), placed.ensemble.outputs(inputs).cpu().numpy()

    def samples(self, index: int) -> bytes | None:
        """Return the data points to draw with a member's fit; None if the fit cannot be drawn."""
        return model_files.encode_samples(self._members[index])

    def reference_loss(self, index: int) -> float:
        """Return the validation loss of a constant prediction for a member."""
        member = self._members[index]
        return reference_loss(member.spec, member.data)

    def _find(self, index: int) -> tuple[Ensemble, int]:
        for placed in self._ensembles:
            if index in placed.indices:
                return placed.ensemble, placed.indices.index(index)
        raise KeyError(index)


def _frame_inputs(member: GroupMember) -> Array:
    return fits.frame_inputs(*member.fit_grid)


def _ensembles(
    members: Mapping[int, GroupMember], device: torch.device, dtype: torch.dtype
) -> Iterator[PlacedEnsemble]:
    for position, member in members.items():
        if member.closed_form:
            yield PlacedEnsemble(ClosedForm(member, device), [position])
    index = {id(member): index for index, member in members.items()}
    for program, chosen in ensembles(m for m in members.values() if not m.closed_form):
        ensemble = GradientDescent(program, chosen, device, dtype)
        yield PlacedEnsemble(ensemble, [index[id(member)] for member in chosen])
