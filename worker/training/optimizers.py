"""The optimisers: one fused update for all models of a stack that have the same settings."""

from collections.abc import Sequence
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
    """Neighbouring models, from place `first` to before `end`, that share an update rule."""

    first: int
    end: int
    rule: int


@dataclass(frozen=True, slots=True)
class _Call:
    """The tensors of one fused update, all with the same rule."""

    rule: int
    parameters: list[Tensor]
    gradients: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    counts: list[Tensor]


class Updates:
    """SGD with momentum, Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019).

    An L1 penalty adds its subgradient to the gradients of all three: the penalty times the sign of
    the weight. `first` and `second` are the state: the moments of Adam, or the velocity of SGD and
    nothing. A step works on the same tensors as long as `arrangement` is unchanged.
    """

    def __init__(
        self, kind: str, parameters: Stack, gradients: Stack, first: Stack, second: Stack
    ) -> None:
        self._kind = kind
        self._stacks = [parameters, gradients, first, second]
        self._device = parameters.flat.device
        self.arrangement = 0
        self._ranges: list[_Range] = []
        self._rules: list[tuple[Tensor, float, float, float]] = []
        self._counts = torch.zeros(0)
        self._prepared: dict[int, tuple[Tensor, list[_Call]]] = {}

    def begin(self, rates: Sequence[Rate]) -> None:
        """Start an epoch with one rate per model, in the order of the stack."""
        rules: dict[tuple[float, float, float, float], int] = {}
        ranges, done, place = [], [], 0
        for rate, alike in groupby(rates):
            end = place + len(list(alike))
            rule = (rate.learning_rate, rate.weight_decay, rate.l1_penalty, rate.momentum)
            ranges.append(_Range(place, end, rules.setdefault(rule, len(rules))))
            done.append(float(rate.done))
            place = end
        if ranges != self._ranges:
            self._ranges, self._prepared = ranges, {}
            self._counts = torch.zeros(len(ranges), device=self._device)
            self._rules = [(self._scalar(), decay, l1, share) for _, decay, l1, share in rules]
            self.arrangement += 1
        self._counts.copy_(torch.tensor(done))
        for (newest, *_), (scalar, *_) in zip(rules, self._rules, strict=True):
            scalar.fill_(newest)

    def step(self, active: int) -> None:
        """Update the first `active` models."""
        if active not in self._prepared:
            self._prepared[active] = self._prepare(active)
        counts, calls = self._prepared[active]
        counts.add_(1)
        for call in calls:
            self._update(call)

    def _prepare(self, active: int) -> tuple[Tensor, list[_Call]]:
        ranges = [span for span in self._ranges if span.first < active]
        calls: dict[int, _Call] = {}
        for place, span in enumerate(ranges):
            call = calls.setdefault(span.rule, _Call(span.rule, [], [], [], [], []))
            columns = (call.parameters, call.gradients, call.first, call.second)
            for column, stack in zip(columns, self._stacks, strict=True):
                column += [slab[span.first : span.end].view(-1) for slab in stack.slabs.values()]
            call.counts.extend([self._counts[place]] * len(self._stacks[0].slabs))
        return self._counts[: len(ranges)], list(calls.values())

    def _update(self, call: _Call) -> None:
        rate, decay, penalty, momentum = self._rules[call.rule]
        if penalty:
            torch._foreach_add_(call.gradients, torch._foreach_sign(call.parameters), alpha=penalty)
        if self._kind == "sgd":
            torch._fused_sgd_(
                call.parameters, call.gradients, call.first if momentum else [],
                lr=rate, weight_decay=decay, momentum=momentum, dampening=0.0,
                nesterov=False, maximize=False, is_first_step=False,
            )  # fmt: skip
            return
        update = torch._fused_adam_ if self._kind == "adam" else torch._fused_adamw_
        update(
            call.parameters, call.gradients, call.first, call.second, [], call.counts,
            lr=rate, beta1=0.9, beta2=0.999, weight_decay=decay, eps=1e-8,
            amsgrad=False, maximize=False,
        )  # fmt: skip

    def _scalar(self) -> Tensor:
        """Return a scalar on the device, where a captured graph reads the current learning rate."""
        dtype = torch.float64 if self._device.type == "cpu" else torch.float32
        return torch.zeros((), dtype=dtype, device=self._device)
