"""The optimisers' update rules, under the names in backend/specification/optimizers.py.

One fused update serves all models of a stack that have the same settings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from worker.training.stack import Stack


@dataclass(frozen=True, slots=True)
class Rate:
    """The update settings of a model in an epoch of `steps` steps, after `done` earlier steps."""

    learning_rate: float
    weight_decay: float
    l1_penalty: float
    momentum: float
    done: int
    steps: int


@dataclass(frozen=True, slots=True)
class _Range:
    """Neighbouring models, from index `first` to before `end`, that share an update rule."""

    first: int
    end: int
    rule: int


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """The settings of an update. The learning rate is a tensor that a captured graph reads."""

    learning_rate: Tensor
    weight_decay: float
    l1_penalty: float
    momentum: float


@dataclass(frozen=True, slots=True)
class FusedCall:
    """The tensors of one fused update, all with the same settings.

    `slots` are the optimiser's state, for each slot one tensor per parameter. `counts` are the
    numbers of steps so far, this one included.
    """

    rule: int
    parameters: list[Tensor]
    gradients: list[Tensor]
    slots: list[list[Tensor]]
    counts: list[Tensor]


class Updates:
    """The updates of a stack of models by one optimiser.

    An L1 penalty adds its subgradient to the gradients: the penalty times the sign of the weight.
    `slots` are the state that the optimiser keeps for each weight. A step works on the same tensors
    as long as `arrangement` is unchanged.
    """

    def __init__(
        self, optimizer: str, parameters: Stack, gradients: Stack, slots: Sequence[Stack]
    ) -> None:
        self._update = UPDATE_RULES[optimizer]
        self._parameters, self._gradients, self._slots = parameters, gradients, slots
        self._device = parameters.flat.device
        self.arrangement = 0
        self._ranges: list[_Range] = []
        self._settings: list[UpdateSettings] = []
        self._counts = torch.zeros(0)
        self._prepared: dict[int, tuple[Tensor, list[FusedCall]]] = {}

    def begin(self, rates: Sequence[Rate]) -> None:
        """Start an epoch with one rate per model, in the order of the stack."""
        rules: dict[tuple[float, float, float, float], int] = {}
        ranges, done, first = [], [], 0
        for rate, alike in groupby(rates):
            end = first + len(list(alike))
            rule = (rate.learning_rate, rate.weight_decay, rate.l1_penalty, rate.momentum)
            ranges.append(_Range(first, end, rules.setdefault(rule, len(rules))))
            done.append(float(rate.done))
            first = end
        if ranges != self._ranges:
            self._ranges, self._prepared = ranges, {}
            self._counts = torch.zeros(len(ranges), device=self._device)
            self._settings = [UpdateSettings(self._scalar(), *others) for _, *others in rules]
            self.arrangement += 1
        self._counts.copy_(torch.tensor(done))
        for (learning_rate, *_), settings in zip(rules, self._settings, strict=True):
            settings.learning_rate.fill_(learning_rate)

    def step(self, active: int) -> None:
        """Update the first `active` models."""
        if active not in self._prepared:
            self._prepared[active] = self._prepare(active)
        counts, calls = self._prepared[active]
        counts.add_(1)
        for call in calls:
            settings = self._settings[call.rule]
            if penalty := settings.l1_penalty:
                signs = torch._foreach_sign(call.parameters)
                torch._foreach_add_(call.gradients, signs, alpha=penalty)
            self._update(call, settings)

    def _prepare(self, active: int) -> tuple[Tensor, list[FusedCall]]:
        ranges = [span for span in self._ranges if span.first < active]
        stacks = (self._parameters, self._gradients, *self._slots)
        calls: dict[int, FusedCall] = {}
        for index, span in enumerate(ranges):
            new = FusedCall(span.rule, [], [], [[] for _ in self._slots], [])
            call = calls.setdefault(span.rule, new)
            columns = (call.parameters, call.gradients, *call.slots)
            for column, stack in zip(columns, stacks, strict=True):
                column += [slab[span.first : span.end].view(-1) for slab in stack.slabs.values()]
            call.counts.extend([self._counts[index]] * len(self._parameters.slabs))
        return self._counts[: len(ranges)], list(calls.values())

    def _scalar(self) -> Tensor:
        """Return a scalar on the device, where a captured graph reads the current learning rate."""
        dtype = torch.float64 if self._device.type == "cpu" else torch.float32
        return torch.zeros((), dtype=dtype, device=self._device)


def _sgd(call: FusedCall, settings: UpdateSettings) -> None:
    """Stochastic gradient descent with momentum; the slot is the velocity."""
    torch._fused_sgd_(
        call.parameters, call.gradients, call.slots[0] if settings.momentum else [],
        lr=settings.learning_rate, weight_decay=settings.weight_decay,
        momentum=settings.momentum, dampening=0.0,
        nesterov=False, maximize=False, is_first_step=False,
    )  # fmt: skip


def _adam(call: FusedCall, settings: UpdateSettings) -> None:
    """Adam (Kingma and Ba 2015); the slots are the first and the second moment."""
    torch._fused_adam_(
        call.parameters, call.gradients, call.slots[0], call.slots[1], [], call.counts,
        lr=settings.learning_rate, beta1=0.9, beta2=0.999,
        weight_decay=settings.weight_decay, eps=1e-8, amsgrad=False, maximize=False,
    )  # fmt: skip


def _adamw(call: FusedCall, settings: UpdateSettings) -> None:
    """AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay."""
    torch._fused_adamw_(
        call.parameters, call.gradients, call.slots[0], call.slots[1], [], call.counts,
        lr=settings.learning_rate, beta1=0.9, beta2=0.999,
        weight_decay=settings.weight_decay, eps=1e-8, amsgrad=False, maximize=False,
    )  # fmt: skip


UPDATE_RULES: dict[str, Callable[[FusedCall, UpdateSettings], None]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
}
"""By the optimiser's name; each changes parameters and slots in place."""
