"""Stacks: tensors of several models in one flat buffer."""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor


def aligned(size: int) -> int:
    """Round the size of a vector up to a multiple of 32, so that its slabs stay aligned."""
    return -(-size // 32) * 32


class Stack:
    """One slab [models, *shape] for each name, all of them views of `flat`.

    Every shape has a multiple of 32 elements. Each slab therefore begins at a multiple of 64 bytes,
    and no model's numbers form the remainder at the end of a slab, which kernels round differently
    (AVX-512 processes 32 at a time).
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        models: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.shapes = dict(shapes)
        sizes = [models * prod(shape) for shape in shapes.values()]
        self.flat = torch.zeros(sum(sizes), device=device, dtype=dtype)
        parts = torch.split(self.flat, sizes)
        self.slabs: dict[str, Tensor] = {
            name: part.view(models, *shape)
            for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }
        self.models = models

    def __getitem__(self, name: str) -> Tensor:
        return self.slabs[name]

    def like(self) -> "Stack":
        """Return a stack of zeros with the same shapes."""
        return Stack(self.shapes, self.models, self.flat.device, self.flat.dtype)

    def row(self, position: int) -> Tensor:
        """Return all numbers of one model, padding included."""
        return torch.cat(
            [self.flat[:0], *(slab[position].reshape(-1) for slab in self.slabs.values())]
        )

    def set_row(self, position: int, values: Tensor) -> None:
        """Set the numbers of one model to what `row` returned."""
        parts = torch.split(values, [prod(shape) for shape in self.shapes.values()])
        for slab, part in zip(self.slabs.values(), parts, strict=True):
            slab[position] = part.view(slab.shape[1:])

    def keep(self, positions: Sequence[int]) -> "Stack":
        """Return a stack of only the models at these positions."""
        index = torch.tensor(positions, device=self.flat.device)
        remaining = Stack(self.shapes, len(positions), self.flat.device, self.flat.dtype)
        for name, slab in self.slabs.items():
            torch.index_select(slab, 0, index, out=remaining[name])
        return remaining

    def copy(self, positions: Sequence[int], source: "Stack") -> None:
        """Copy the models at these positions from a stack of the same shapes."""
        if len(positions) == self.models:
            self.flat.copy_(source.flat)
            return
        index = torch.tensor(positions, device=self.flat.device)
        for name, slab in self.slabs.items():
            slab.index_copy_(0, index, source[name].index_select(0, index))
