"""One training step of several models: gradients and update, on a GPU as one CUDA graph."""

from typing import Protocol

import torch
from torch import Tensor

from worker.training.layers import StackedBatch
from worker.training.network import Network
from worker.training.optimizers import Updates

WARM_UP_STEPS = 3  # before the graph is captured: libraries allocate workspaces in the first steps


class Step(Protocol):
    """Trains the first models of an ensemble on one batch each."""

    def __call__(self, batch: StackedBatch) -> None:
        """Run one training step."""


class Eager:
    """Runs the operations of a step one by one."""

    def __init__(self, network: Network, updates: Updates, active: int) -> None:
        self._network, self._updates, self._active = network, updates, active

    def __call__(self, batch: StackedBatch) -> None:
        self._network.compute_gradients(batch)
        self._updates.step(self._active)


class Fixed:
    """Runs a step on inputs that are copied to fixed memory, which a captured graph requires."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._inputs: StackedBatch | None = None

    def __call__(self, batch: StackedBatch) -> None:
        if self._inputs is None:
            masks = None if batch.masks is None else batch.masks.clone()
            self._inputs = StackedBatch(
                batch.x.clone(), batch.targets.clone(), batch.weights.clone(), masks
            )
        else:
            for target, source in zip(_tensors(self._inputs), _tensors(batch), strict=True):
                if target is not None and source is not None:
                    target.copy_(source)
        self._step(self._inputs)


class Graph:
    """Captures a step after a few eager ones and replays it with a single launch.

    Every batch must consist of the same tensors, see Fixed.
    """

    def __init__(self, step: Step) -> None:
        self._step, self._eager_left = step, WARM_UP_STEPS
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, batch: StackedBatch) -> None:
        if self._eager_left:
            self._eager_left -= 1
            self._step(batch)
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records the operations without running them
                self._step(batch)
        self._graph.replay()


def make(network: Network, updates: Updates, active: int, device: torch.device) -> Step:
    """Return the step for a device."""
    step = Eager(network, updates, active)
    return Fixed(Graph(step)) if device.type == "cuda" else step


def _tensors(batch: StackedBatch) -> tuple[Tensor | None, ...]:
    return batch.x, batch.targets, batch.weights, batch.masks
