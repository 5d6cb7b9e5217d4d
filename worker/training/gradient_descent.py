"""Training by gradient descent: ensembles of networks, linear models or polynomials.

A training step computes gradients and updates the weights. On a GPU it is one CUDA graph.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from backend.specification.optimizers import OPTIMIZERS
from worker.training import perceptron
from worker.training.architectures import gradient_training
from worker.training.batches import Batches
from worker.training.ensemble import EnsembleData, Interrupted, ModelVersion
from worker.training.evaluation import Evaluation
from worker.training.layers import StackedBatch
from worker.training.member import GroupMember, fill_initial, real_units, weights_by_name
from worker.training.network import Network, Site, StackedTensors, WorkSpace
from worker.training.optimizers import Rate, Updates
from worker.training.program import TrainingProgram
from worker.training.random_draws import DropoutMasks
from worker.training.schedules import learning_rate
from worker.training.stack import Stack

SLOT_NAMES = ("first", "second", "third", "fourth")
"""The names in checkpoints of the numbers that an optimiser keeps for each weight."""
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
        """Run the step."""
        self._network.compute_gradients(batch)
        self._updates.step(self._active)


class Fixed:
    """Runs a step on inputs that are copied to fixed memory, which a captured graph requires."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._inputs: StackedBatch | None = None

    def __call__(self, batch: StackedBatch) -> None:
        """Copy the batch, then run the step."""
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
        """Run the step, or replay its graph."""
        if self._eager_left:
            self._eager_left -= 1
            self._step(batch)
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records the operations without running them
                self._step(batch)
        self._graph.replay()


def make_step(network: Network, updates: Updates, active: int, device: torch.device) -> Step:
    """Return the step for a device."""
    step = Eager(network, updates, active)
    return Fixed(Graph(step)) if device.type == "cuda" else step


def _tensors(batch: StackedBatch) -> tuple[Tensor | None, ...]:
    return batch.x, batch.targets, batch.weights, batch.masks


class GradientDescent:
    """An ensemble of members of one program, those with more training samples first."""

    def __init__(
        self,
        program: TrainingProgram,
        members: Sequence[GroupMember],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._program, self.members = program, list(members)
        count = len(self.members)
        self._stacked = gradient_training(program.family).stacked
        parameters = Stack(self._stacked.shapes(program), count, device, dtype)
        running = Stack(perceptron.running_shapes(program), count, device, dtype)
        fill_initial(self.members, parameters, running)
        self._parameters, self._running = parameters, running
        self._best, self._best_running = parameters.like(), running.like()
        self._slots = [parameters.like() for _ in range(OPTIMIZERS[program.optimizer].slots)]
        self._arrange()

    def _arrange(self) -> None:
        """Build everything that depends on the set of members."""
        program, members, parameters = self._program, self.members, self._parameters
        gradients, like = parameters.like(), parameters.flat
        real = [units.to(like) for units in real_units(program, members)]
        self._model = StackedTensors(parameters, gradients, self._running, real)
        rows = EnsembleData(program, members, like.device, like.dtype)
        self._batches = Batches(program, members, rows)
        evaluating = WorkSpace(min(program.cohort, len(members)), program.block, like)
        build = partial(self._network, evaluating, learns=False)
        self._evaluation = Evaluation(program, members, rows, build)
        self._masks = DropoutMasks(program, members, like, self._batches.steps)
        self._updates = Updates(program.optimizer, parameters, gradients, self._slots)
        self._learning = WorkSpace(len(members), program.rows, like)
        self._steps: dict[tuple[int, int], Step] = {}

    def advance(self, interrupted: Callable[[], bool]) -> Tensor:
        """Train all members for one epoch; return their metrics [members, keys]."""
        for member in self.members:
            member.epoch += 1

        def check() -> None:
            if interrupted():
                raise Interrupted

        self._train(check)
        return self._evaluation.metrics(check)

    def _train(self, check: Callable[[], None]) -> None:
        self._updates.begin([self._rate(position) for position in range(len(self.members))])
        if self._program.drops:
            self._masks.begin()
        for active, batch in self._batches.epoch():
            check()
            if self._program.drops:
                masks = self._masks.step(active)
                batch = StackedBatch(batch.x, batch.targets, batch.weights, masks)
            self._step(active)(batch)

    def _step(self, active: int) -> Step:
        key = (active, self._updates.arrangement)
        if key not in self._steps:
            models = slice(0, active)
            network = self._network(self._learning, models, self._program.rows, learns=True)
            device = self._parameters.flat.device
            self._steps[key] = make_step(network, self._updates, active, device)
        return self._steps[key]

    def _rate(self, position: int) -> Rate:
        member, steps = self.members[position], self._batches.steps[position]
        training = member.spec.training
        return Rate(
            learning_rate=learning_rate(training, member.epoch),
            weight_decay=training.weight_decay,
            l1_penalty=training.l1_penalty,
            momentum=training.momentum or 0.0,
            done=(member.epoch - 1) * steps,
            steps=steps,
        )

    def outputs(self, features: Mapping[int, Tensor]) -> Tensor:
        """Map features [rows, inputs] by position to outputs [positions, rows, outputs]."""
        return self._evaluation.outputs(features)

    def _network(self, space: WorkSpace, models: slice, rows: int, *, learns: bool) -> Network:
        site = Site(self._program, self._model, space, models, rows, learns)
        return Network(site, list(self._stacked.layers(site)))

    def keep_best(self, positions: Sequence[int]) -> None:
        """Remember the current weights of these members as their best."""
        self._best.copy(positions, self._parameters)
        self._best_running.copy(positions, self._running)

    def keep(self, positions: Sequence[int]) -> None:
        """Remove all other members."""
        self.members = [self.members[position] for position in positions]
        self._parameters, self._running = (
            self._parameters.keep(positions),
            self._running.keep(positions),
        )
        self._best, self._best_running = (
            self._best.keep(positions),
            self._best_running.keep(positions),
        )
        self._slots = [slot.keep(positions) for slot in self._slots]
        self._arrange()

    def weights(self, position: int, kind: ModelVersion) -> Mapping[str, Tensor]:
        """Return a member's weights by name, in their unpadded shapes."""
        best = kind == "best"
        return weights_by_name(
            self.members[position],
            self._best if best else self._parameters,
            self._best_running if best else self._running,
            position,
        )

    def state(self, position: int) -> Mapping[str, Tensor]:
        """Return everything that is needed to continue training a member."""
        return {name: stack.row(position) for name, stack in self._stacks().items()}

    def load_state(self, position: int, state: Mapping[str, Tensor]) -> None:
        """Restore a member to the state that `state` returned."""
        for name, stack in self._stacks().items():
            stack.set_row(position, state[name])

    def _stacks(self) -> dict[str, Stack]:
        return {
            "parameters": self._parameters,
            "running": self._running,
            "best": self._best,
            "best_running": self._best_running,
            **dict(zip(SLOT_NAMES, self._slots, strict=False)),
        }
