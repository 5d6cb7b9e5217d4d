"""Translation between a run's own weights, in their unpadded shapes, and its place in a stack."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from worker.training.architectures import gradient_training, initial
from worker.training.member import GroupMember
from worker.training.program import TrainingProgram
from worker.training.stack import Stack


def fill_initial(members: Sequence[GroupMember], parameters: Stack, running: Stack) -> None:
    """Set the initial weights of every member."""
    for place, member in enumerate(members):
        weights = initial(member.spec)
        for name, view in weight_views(member, parameters, running, place):
            view.copy_(weights[name].view(view.shape))


def weights_by_name(
    member: GroupMember, parameters: Stack, running: Stack, place: int
) -> Mapping[str, Tensor]:
    """Return copies of a member's weights by name, in their unpadded shapes."""
    weights = {
        name: view.clone() for name, view in weight_views(member, parameters, running, place)
    }
    # the units of an image's channels are not adjacent in a padded stack
    return {name: w.flatten(1) if w.dim() == 3 else w for name, w in weights.items()}


def real_units(program: TrainingProgram, members: Sequence[GroupMember]) -> list[Tensor]:
    """Return a mask per hidden layer [members, units, 1]: 1 for real units, 0 for padding."""
    widths = torch.tensor([member.spec.model.hidden for member in members])  # [members, layers]
    return [
        (torch.arange(padded) < widths[:, layer, None]).unsqueeze(2)
        for layer, padded in enumerate(program.widths)
    ]


def weight_views(
    member: GroupMember, parameters: Stack, running: Stack, place: int
) -> Iterator[tuple[str, Tensor]]:
    """Return the name of each tensor of a member with the view of its place in the stacks."""
    views = gradient_training(member.spec.model.family).weight_views
    return views(member, parameters, running, place)
