"""Translation between a run's own weights, in their unpadded shapes, and its place in a stack."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from worker.training import models
from worker.training.member import GroupMember
from worker.training.program import TrainingProgram
from worker.training.stack import Stack


def fill_initial(members: Sequence[GroupMember], parameters: Stack, running: Stack) -> None:
    """Set the initial weights of every member."""
    for place, member in enumerate(members):
        weights = models.initial(member.spec)
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
    """Yield the name of each tensor of a member and the view of its place in the stacks."""
    model, outputs = member.spec.model, member.outputs
    if model.family == "polynomial":
        yield "coefficients", parameters["weight 0"][place, :outputs, : member.n_features]
        return
    if model.family == "cnn":
        yield from _convolutional(member, parameters, place)
        return
    hidden, n_in, position = model.hidden, member.n_features, 0
    for layer, n_out in enumerate([*hidden, outputs]):
        weight = parameters[f"weight {layer}"][place, :n_out]
        yield f"{position}.weight", weight[:, :n_in]
        if layer:
            yield f"{position}.bias", parameters[f"bias {layer}"][place, :n_out]
        else:
            yield f"{position}.bias", weight[:, n_in]
        position += 1
        if layer < len(hidden) and model.normalisation in ("batch", "layer"):
            yield f"{position}.weight", parameters[f"scale {layer}"][place, :n_out]
            yield f"{position}.bias", parameters[f"shift {layer}"][place, :n_out]
            if model.normalisation == "batch":
                yield f"{position}.running_mean", running[f"shift {layer}"][place, :n_out]
                yield f"{position}.running_var", running[f"scale {layer}"][place, :n_out]
            position += 1
        n_in, position = n_out, position + 1


def _convolutional(
    member: GroupMember, parameters: Stack, place: int
) -> Iterator[tuple[str, Tensor]]:
    channels, depth = member.spec.model.channels or 0, member.spec.model.depth or 0
    n_in, position = 1, 1  # module 0 reshapes rows of pixels to images
    for block in range(depth):
        patches = parameters[f"weight {block}"][place, :channels]
        padded = 1 if block == 0 else patches.shape[1] // 9
        kernels = patches[:, : padded * 9].view(-1, padded, 3, 3)
        yield f"{position}.weight", kernels[:, :n_in]
        yield f"{position}.bias", parameters[f"bias {block}"][place, :channels]
        n_in, position = channels, position + 3
    weight = parameters[f"weight {depth}"][place]
    padded = parameters["weight 0"].shape[1]
    yield f"{position + 1}.weight", weight.view(len(weight), padded, -1)[:, :channels]
    yield f"{position + 1}.bias", parameters[f"bias {depth}"][place, : member.outputs]
