"""The reference sweep as JAX programs: one for each cell of the grid.

A cell is a width and a number of samples. Its program is compiled once (`jit`), trains all seeds
side by side (`vmap`) and all epochs in one call (`scan`). Data, initial weights, batches, Adam and
the evaluation of all three parts after each epoch are those of this product. Nothing is recorded.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import lax

from backend.specification import RunSpec
from tests.reference import Reference
from worker.training.random_draws import sample_order

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
PADDING = -1  # in the last batch of an epoch: a row that does not count

Weights = list[tuple[jax.Array, jax.Array]]
"""W [in, out] and b [out] of each layer."""


@dataclass(frozen=True)
class SweepTime:
    """Seconds of compiling and of running all programs, and the last validation loss by run."""

    compiling: float
    running: float
    losses: dict[tuple[int, int, int], float]


def train_sweep(specs: Sequence[RunSpec]) -> SweepTime:
    """Train runs of a sweep, cell by cell. Compiling and running are timed apart."""
    compiling = running = 0.0
    losses: dict[tuple[int, int, int], float] = {}
    for (width, n_train), runs in groupby(sorted(specs, key=_cell), key=_cell):
        cell = list(runs)
        program, arguments = jax.jit(jax.vmap(_train)), _arguments(cell)
        begun = time.perf_counter()
        compiled = program.lower(*arguments).compile()
        compiling += time.perf_counter() - begun
        begun = time.perf_counter()
        curves = compiled(*arguments).block_until_ready()  # [seeds, epochs, parts]
        running += time.perf_counter() - begun
        for spec, curve in zip(cell, curves, strict=True):
            losses[width, n_train, spec.training.seed] = float(curve[-1, 1])
    return SweepTime(compiling, running, losses)


def _cell(spec: RunSpec) -> tuple[int, int]:
    return spec.model.width or 0, spec.dataset.n_train


def _arguments(cell: Sequence[RunSpec]) -> tuple[Any, ...]:
    """Return the arguments of `_train`, each with the seeds as its first axis."""
    runs = [(*_initial(Reference(spec)), _rows(spec), spec.training.learning_rate) for spec in cell]
    return tuple(jax.tree.map(lambda *each: jnp.stack([jnp.asarray(v) for v in each]), *runs))


def _initial(reference: Reference) -> tuple[Any, Any]:
    """Return the initial weights and the three parts, each of inputs and classes."""
    linear = [layer for layer in reference.model.modules() if isinstance(layer, torch.nn.Linear)]
    weights = [
        (layer.weight.detach().numpy().T, layer.bias.detach().numpy())
        for layer in linear
        if layer.bias is not None
    ]
    return weights, [(x.numpy(), y.numpy()) for x, y in reference.parts]


def _rows(spec: RunSpec) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the rows of all batches [epochs, steps, rows], padded with PADDING."""
    n, training = spec.dataset.n_train, spec.training
    size = training.batch_size or n
    rows = np.full((training.epochs, -(-n // size) * size), PADDING)
    for epoch in range(training.epochs):
        rows[epoch, :n] = sample_order(training.seed, epoch + 1, n)
    return rows.reshape(training.epochs, -1, size)


def _train(
    weights: Weights, parts: list[tuple[jax.Array, jax.Array]], rows: jax.Array, rate: jax.Array
) -> jax.Array:
    """Train one run; return its losses [epochs, parts] on train, validation and test part."""
    x, y = parts[0]

    def step(state: Any, batch: jax.Array) -> tuple[Any, None]:
        weights, first, second, count = state
        share = (batch != PADDING) / jnp.sum(batch != PADDING)
        gradients = jax.grad(_loss)(weights, x[batch], y[batch], share)
        count += 1
        first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradients)
        scale = rate / (1 - BETA1**count)
        root = jnp.sqrt(1 - BETA2**count)
        weights = jax.tree.map(
            lambda w, m, v: w - scale * m / (jnp.sqrt(v) / root + EPSILON), weights, first, second
        )
        return (weights, first, second, count), None

    def epoch(state: Any, batches: jax.Array) -> tuple[Any, jax.Array]:
        state, _ = lax.scan(step, state, batches)
        losses = [_loss(state[0], x, y, jnp.full(len(x), 1 / len(x))) for x, y in parts]
        return state, jnp.stack(losses)

    zeros = jax.tree.map(jnp.zeros_like, weights)
    _, losses = lax.scan(epoch, (weights, zeros, zeros, 0.0), rows)
    return losses


def _loss(weights: Weights, x: jax.Array, y: jax.Array, share: jax.Array) -> jax.Array:
    """Return the cross-entropy, weighted by each row's share."""
    *hidden, (matrix, bias) = weights
    for inner, shift in hidden:
        x = jax.nn.relu(x @ inner + shift)
    logits = jax.nn.log_softmax(x @ matrix + bias)
    return -jnp.sum(share * jnp.take_along_axis(logits, y[:, None], 1)[:, 0])
