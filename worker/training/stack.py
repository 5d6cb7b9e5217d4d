"""Tensors of several models as one flat buffer."""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor


def aligned(size: int) -> int:
    """Round a vector's size up to a multiple of 32, so that slabs of it stay aligned."""
    return -(-size // 32) * 32


class Stack:
    """For each name one slab [models, *shape], all of them views of `flat`.

    Every shape has a multiple of 32 elements: each slab begins at a multiple of 64 bytes, and no
    model's numbers are the odd ones at the end of a slab, which kernels round otherwise (AVX-512
    takes 32 at a time).
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
        """Return a stack of zeros of the same shapes."""
        return Stack(self.shapes, self.models, self.flat.device, self.flat.dtype)

    def row(self, place: int) -> Tensor:
        """Return all of one model's numbers, padding included."""
        return torch.cat(
            [self.flat[:0], *(slab[place].reshape(-1) for slab in self.slabs.values())]
        )

    def set_row(self, place: int, values: Tensor) -> None:
        """Set what `row` returned."""
        parts = torch.split(values, [prod(shape) for shape in self.shapes.values()])
        for slab, part in zip(self.slabs.values(), parts, strict=True):
            slab[place] = part.view(slab.shape[1:])

    def keep(self, places: Sequence[int]) -> "Stack":
        """Return a stack of some of the models."""
        index = torch.tensor(places, device=self.flat.device)
        kept = Stack(self.shapes, len(places), self.flat.device, self.flat.dtype)
        for name, slab in self.slabs.items():
            torch.index_select(slab, 0, index, out=kept[name])
        return kept

    def copy(self, places: Sequence[int], source: "Stack") -> None:
        """Take over some of the models of a stack of the same shapes."""
        if len(places) == self.models:
            self.flat.copy_(source.flat)
            return
        index = torch.tensor(places, device=self.flat.device)
        for name, slab in self.slabs.items():
            slab.index_copy_(0, index, source[name].index_select(0, index))
