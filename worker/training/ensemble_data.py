"""The data of an ensemble on its device: the rows of each distinct data set once."""

from collections.abc import Hashable, Sequence

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
        places: dict[Hashable, int] = {}
        xs: list[Tensor] = []
        targets: list[Tensor] = []
        self.first: list[int] = []  # the first row of each member's data set
        total = 0
        for member in members:
            if member.data_key not in places:
                x, y = _rows(program, member)
                places[member.data_key] = total
                total += len(x)
                xs.append(torch.from_numpy(x).to(device, dtype))
                targets.append(torch.from_numpy(y).to(device, dtype))
            self.first.append(places[member.data_key])
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
