"""Convolutional networks: 3 by 3 convolutions that each halve the image, and a linear layer.

Images have the layout [models, channels, pixels * rows]. Rows are innermost as everywhere, so a
convolution is one matrix product per model over the 3 by 3 patches around all pixels of all rows.
"""

from collections.abc import Iterator
from math import ceil

import torch
from torch import Tensor

from worker.training.layers import Linear, StackedBatch, StackedLayer
from worker.training.network import Site
from worker.training.program import TrainingProgram
from worker.training.stack import aligned

KERNEL = 3
SHIFTS = [(row, column) for row in range(KERNEL) for column in range(KERNEL)]


def shapes(program: TrainingProgram) -> dict[str, tuple[int, ...]]:
    """Return the padded shapes of one model's parameters: weight i and bias i of each layer i."""
    parameters: dict[str, tuple[int, ...]] = {}
    channels = program.width
    for block in range(program.depth):
        parameters[f"weight {block}"] = (channels, _patch(1 if block == 0 else channels))
        parameters[f"bias {block}"] = (aligned(channels),)
    parameters[f"weight {program.depth}"] = (program.outputs, channels * _side(program) ** 2)
    parameters[f"bias {program.depth}"] = (aligned(program.outputs),)
    return parameters


def layers(site: Site) -> Iterator[StackedLayer]:
    """Yield the layers: convolution, activation and pooling per block, then a linear layer."""
    program, channels = site.program, site.program.width
    for block in range(program.depth):
        yield _convolution(site, block)
        yield site.activation(block, channels * _side(program, block) ** 2)
        yield MaxPool(_side(program, block))
    side = _side(program)
    yield Flatten(side)
    own, gradients = site.weights(program.depth, program.outputs, biased=True)
    units = channels * side**2
    gradient_in = site.buffer("gradient by units", units) if site.learns else None
    yield Linear(own, gradients, site.output(program.depth, program.outputs), gradient_in)


def _convolution(site: Site, block: int) -> "Convolution":
    program, side = site.program, _side(site.program, block)
    channels_in = program.width if block else 1
    return Convolution(
        site.matrix(block),
        site.vectors("bias", block, program.width),
        framed=site.buffer(f"framed {block}", channels_in * (side + 2) ** 2),
        patches=site.buffer(f"patches {block}", _patch(channels_in) * side**2),
        out=site.buffer(f"convolved {block}", program.width * side**2),
        side=side,
        channels_in=channels_in,
    )


def _side(program: TrainingProgram, blocks: int | None = None) -> int:
    """Return the side of an image after `blocks` blocks; None means after all of them."""
    return program.side >> (program.depth if blocks is None else blocks)


def _patch(channels: int) -> int:
    """Return the length of a patch, padded so that matrices stay aligned in memory."""
    return ceil(channels * KERNEL**2 / 8) * 8 if channels > 1 else 16


class Convolution:
    """A 3 by 3 convolution with stride 1 and padding 1.

    Images x [models, in, pixels * rows] get a border of zeros, their patches are laid out as
    [models, in * 9, pixels * rows], and the weights [models, out, in * 9] multiply the patches.
    `weight` and `bias` are pairs of a tensor and its gradient.
    """

    def __init__(
        self,
        weight: tuple[Tensor, Tensor],
        bias: tuple[Tensor, Tensor],
        *,
        framed: Tensor,
        patches: Tensor,
        out: Tensor,
        side: int,
        channels_in: int,
    ) -> None:
        models, _, rows = framed.shape
        self._weight, self._weight_gradient = weight
        self._bias, self._bias_gradient = bias[0].unsqueeze(2), bias[1]
        self._side, self._first = side, channels_in == 1
        self._framed = framed.view(models, channels_in, side + 2, side + 2, rows)
        self._inside = self._framed[:, :, 1:-1, 1:-1]
        self._patches = patches.view(models, -1, side * side * rows)
        self._out = out.view(models, -1, side * side * rows)
        used = self._patches[:, : channels_in * KERNEL**2]
        self._windows = used.view(models, channels_in, KERNEL, KERNEL, side, side, rows)

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        self._inside.copy_(x.reshape(self._inside.shape))
        for row, column in SHIFTS:
            self._windows[:, :, row, column].copy_(self._shifted(self._framed, row, column))
        return torch.baddbmm(self._bias, self._weight, self._patches, out=self._out)

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        torch.bmm(g, self._patches.transpose(1, 2), out=self._weight_gradient)
        torch.sum(g, 2, out=self._bias_gradient)
        if self._first:
            return g
        torch.bmm(self._weight.transpose(1, 2), g, out=self._patches)
        framed = torch.zeros_like(self._framed)
        for row, column in SHIFTS:
            self._shifted(framed, row, column).add_(self._windows[:, :, row, column])
        return framed[:, :, 1:-1, 1:-1].reshape(len(g), len(framed[0]), -1)

    def _shifted(self, framed: Tensor, row: int, column: int) -> Tensor:
        return framed[:, :, row : row + self._side, column : column + self._side]


class MaxPool:
    """The largest of each 2 by 2 pixels; an odd last row or column is dropped."""

    def __init__(self, side: int) -> None:
        self._side, self._half = side, side // 2
        self._corners: list[Tensor] = []
        self._largest = torch.empty(0)

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        self._shape = x.shape
        self._corners = self._quarters(x)
        a, b, c, d = self._corners
        self._largest = torch.maximum(torch.maximum(a, b), torch.maximum(c, d))
        return self._largest.view(*x.shape[:2], -1)

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        """Send each gradient to the largest pixel; of equal ones to the first, as PyTorch does."""
        by_input = g.new_zeros(self._shape)
        g = g.view(self._largest.shape)
        unassigned = torch.ones_like(self._largest, dtype=torch.bool)
        for corner, into in zip(self._corners, self._quarters(by_input), strict=True):
            selected = (corner == self._largest).logical_and_(unassigned)
            unassigned.logical_xor_(selected)
            torch.mul(g, selected, out=into)
        return by_input

    def _quarters(self, x: Tensor) -> list[Tensor]:
        """Return the four corners of each 2 by 2 square [models, channels, half, half, rows]."""
        images = x.view(*x.shape[:2], self._side, self._side, -1)
        end = 2 * self._half
        return [images[:, :, i:end:2, j:end:2] for i in (0, 1) for j in (0, 1)]


class Flatten:
    """Reshapes images [models, channels, pixels * rows] to units [models, units, rows]."""

    def __init__(self, side: int) -> None:
        self._pixels = side**2

    def forward(self, x: Tensor, _: StackedBatch | None) -> Tensor:
        return x.view(len(x), x.shape[1] * self._pixels, -1)

    def backward(self, g: Tensor, _: StackedBatch) -> Tensor:
        return g.view(len(g), g.shape[1] // self._pixels, -1)
