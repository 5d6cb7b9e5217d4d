"""Convolutional networks, with weights named as torch.nn.Sequential would name them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from backend.specification import RunSpec
from backend.specification.families.cnn import pooled_pixels
from worker.training import convolution
from worker.training.architectures.architecture import Architecture, GradientTraining, ModelWeights
from worker.training.architectures.mlp import ACTIVATIONS, draw_layer, weight_generator
from worker.training.stack import Stack

if TYPE_CHECKING:
    from worker.training.member import GroupMember


def _initial(spec: RunSpec) -> dict[str, Tensor]:
    channels, generator = spec.model.channels or 0, weight_generator(spec)
    weights: dict[str, Tensor] = {}
    n_in, module = 1, 1  # module 0 reshapes rows of pixels to images
    for _ in range(spec.model.depth or 0):
        weights |= draw_layer(module, (channels, n_in, 3, 3), generator)
        n_in, module = channels, module + 3
    shape = spec.dataset.output_count, channels * pooled_pixels(spec)
    return weights | draw_layer(module + 1, shape, generator)


def _predict(spec: RunSpec, weights: ModelWeights, pixels: Tensor) -> Tensor:
    side = spec.source.side or 0
    h, module = pixels.view(-1, 1, side, side), 1
    for _ in range(spec.model.depth or 0):
        h = functional.conv2d(h, weights[f"{module}.weight"], weights[f"{module}.bias"], padding=1)
        h = functional.max_pool2d(ACTIVATIONS[spec.model.activation or "relu"](h), 2)
        module += 3
    last = weights[f"{module + 1}.weight"], weights[f"{module + 1}.bias"]
    return functional.linear(h.flatten(1), *last)


def _weight_views(
    member: "GroupMember", parameters: Stack, _: Stack, position: int
) -> Iterator[tuple[str, Tensor]]:
    channels, depth = member.spec.model.channels or 0, member.spec.model.depth or 0
    n_in, module = 1, 1  # module 0 reshapes rows of pixels to images
    for block in range(depth):
        patches = parameters[f"weight {block}"][position, :channels]
        padded = 1 if block == 0 else patches.shape[1] // 9
        kernels = patches[:, : padded * 9].view(-1, padded, 3, 3)
        yield f"{module}.weight", kernels[:, :n_in]
        yield f"{module}.bias", parameters[f"bias {block}"][position, :channels]
        n_in, module = channels, module + 3
    weight = parameters[f"weight {depth}"][position]
    padded = parameters["weight 0"].shape[1]
    yield f"{module + 1}.weight", weight.view(len(weight), padded, -1)[:, :channels]
    yield f"{module + 1}.bias", parameters[f"bias {depth}"][position, : member.outputs]


CNN = Architecture(_predict, GradientTraining(_initial, _weight_views, convolution))
