"""Ensembles: runs trained as one program, and their data on the device, each data set once."""

from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from backend.series import FloatArray
from worker.training.member import GroupMember
from worker.training.program import TrainingProgram


class EnsembleData:
    """The rows of the distinct data sets of an ensemble's members.

    x is [rows, inputs] and targets [rows, outputs]. Each data set consists of validation, test and
    training rows, in this order, and padding to whole blocks. Members with the same data set share
    its rows.
    """

    def __init__(
        self,
        program: TrainingProgram,
        members: Sequence[GroupMember],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        positions: dict[Hashable, int] = {}
        xs: list[Tensor] = []
        targets: list[Tensor] = []
        self.first: list[int] = []  # the first row of each member's data set
        total = 0
        for member in members:
            if member.data_key not in positions:
                x, y = _rows(program, member)
                positions[member.data_key] = total
                total += len(x)
                xs.append(torch.from_numpy(x).to(device, dtype))
                targets.append(torch.from_numpy(y).to(device, dtype))
            self.first.append(positions[member.data_key])
        self.x, self.targets = torch.cat(xs), torch.cat(targets)


def _rows(program: TrainingProgram, member: GroupMember) -> tuple[FloatArray, FloatArray]:
    """Return a member's rows, with inputs padded to the program's and the column of ones."""
    data = member.data
    rows = program.evaluated(len(data.train.x)).rows
    x, y = np.zeros((rows, program.inputs)), np.zeros((rows, program.outputs))
    first = 0
    for part in (data.validation, data.test, data.train):
        features, end = member.features(part.x), first + len(part.x)
        x[first:end, : features.shape[1]] = features
        y[first:end] = member.targets(part.y)
        if program.biased:
            x[first:end, features.shape[1]] = 1
        first = end
    return x, y


ModelVersion = Literal["best", "last"]  # of a member: at its lowest validation loss, and now


class Interrupted(Exception):
    """Training stopped within an epoch; the weights lie between two epochs and are unusable."""


class Ensemble(Protocol):
    """Runs that are trained as one program, each addressed by its position, counted from 0.

    No member's metrics depend, to the bit, on which other members are in the ensemble.
    """

    members: list[GroupMember]

    def advance(self, interrupted: Callable[[], bool]) -> Tensor:
        """Train all members for one epoch; return their metrics [members, keys], on the device.

        The keys are those of `GroupMember.metric_keys`. Raises Interrupted.
        """

    def outputs(self, features: Mapping[int, Tensor]) -> Tensor:
        """Map features [rows, inputs] by position to outputs [positions, rows, outputs].

        The features are as `GroupMember.features` returns them. All members must have equally many
        rows.
        """

    def keep_best(self, positions: Sequence[int]) -> None:
        """Remember the current weights of these members as their best."""

    def keep(self, positions: Sequence[int]) -> None:
        """Remove all other members: the member at positions[0] moves to position 0, and so on."""

    def weights(self, position: int, kind: ModelVersion) -> Mapping[str, Tensor]:
        """Return a member's best or last weights by name, in their unpadded shapes."""

    def state(self, position: int) -> Mapping[str, Tensor]:
        """Return everything that is needed to continue training a member, best weights included."""

    def load_state(self, position: int, state: Mapping[str, Tensor]) -> None:
        """Restore a member that was not trained yet to the state that `state` returned."""


class PlacedEnsemble:
    """An ensemble and the indices of its members by position; None marks a member that has left.

    Members that have left are removed together, once they are a quarter of all, because each
    removal costs as much as several steps.
    """

    def __init__(self, ensemble: Ensemble, indices: Sequence[int]) -> None:
        self.ensemble = ensemble
        self.indices: list[int | None] = list(indices)

    @property
    def in_training(self) -> bool:
        """True if any member is still trained."""
        return any(index is not None for index in self.indices)

    def forget(self, gone: Container[int | None]) -> None:
        """Stop training members; their positions are freed now or later."""
        self.indices = [None if index in gone else index for index in self.indices]
        remaining = [position for position, index in enumerate(self.indices) if index is not None]
        if remaining and 4 * len(remaining) <= 3 * len(self.indices):
            self.ensemble.keep(remaining)
            self.indices = [self.indices[position] for position in remaining]
