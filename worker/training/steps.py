"""A step of several models: the gradients of a batch and an update, on a GPU as one CUDA graph."""

from typing import Protocol

import torch
from torch import Tensor

from worker.training.layers import Batch
from worker.training.network import Network
from worker.training.optimizers import Updates

WARM_UP = 3  # steps before a graph is captured, as libraries make their work spaces in the first


class Step(Protocol):
    """Trains the first models of an ensemble on a batch each."""

    def __call__(self, batch: Batch) -> None:
        """Train one step."""


class Eager:
    """Runs a step's operations one by one."""

    def __init__(self, network: Network, updates: Updates, active: int) -> None:
        self._network, self._updates, self._active = network, updates, active

    def __call__(self, batch: Batch) -> None:
        self._network.descend(batch)
        self._updates.step(self._active)


class Fixed:
    """Runs a step on inputs that always lie in the same memory, as a captured graph needs them."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._inputs: Batch | None = None

    def __call__(self, batch: Batch) -> None:
        if self._inputs is None:
            kept = None if batch.kept is None else batch.kept.clone()
            self._inputs = Batch(
                batch.x.clone(), batch.targets.clone(), batch.weights.clone(), kept
            )
        else:
            for own, given in zip(_of(self._inputs), _of(batch), strict=True):
                if own is not None and given is not None:
                    own.copy_(given)
        self._step(self._inputs)


class Graph:
    """Captures a step after some eager ones and replays it: one launch for all its kernels.

    Every batch it is given must be the same tensors, see Fixed.
    """

    def __init__(self, step: Step) -> None:
        self._step, self._left = step, WARM_UP
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, batch: Batch) -> None:
        if self._left:
            self._left -= 1
            self._step(batch)
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records, and does not run
                self._step(batch)
        self._graph.replay()


def make(network: Network, updates: Updates, active: int, device: torch.device) -> Step:
    """Return the step for a device."""
    step = Eager(network, updates, active)
    return Fixed(Graph(step)) if device.type == "cuda" else step


def _of(batch: Batch) -> tuple[Tensor | None, ...]:
    return batch.x, batch.targets, batch.weights, batch.kept
