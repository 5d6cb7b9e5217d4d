"""Formulas of the generated data sources, which `specification.data_sources` lists by name.

Each takes a generator, a number of samples n, whether they are for training, and the number of
inputs. It returns inputs [n, inputs that the formula uses] and targets without noise: classes [n]
or values [n]. A shorter draw is a prefix of a longer one.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from backend.datasets.random_streams import spread
from backend.series import Array

Formula = Callable[[Generator, int, bool, int], tuple[Array, Array]]


def _points(generator: Generator, n: int, training: bool, _: int) -> tuple[Array, Array]:
    """Compute y = 3 x over x from -3 to 3; the training inputs are evenly spread."""
    x = 6 * _unit(generator, n, training) - 3
    return x[:, None], 3 * x


def _line(generator: Generator, n: int, _: bool, inputs: int) -> tuple[Array, Array]:
    """Compute y = (x_1 + ... + x_d) / sqrt(d) over standard normal inputs: y has variance 1."""
    x = generator.normal(size=(n, inputs))
    return x, x.sum(axis=1) / np.sqrt(inputs)


def _sine(generator: Generator, n: int, training: bool, _: int) -> tuple[Array, Array]:
    """Compute y = sin(pi x) over x from -1 to 1."""
    x = 2 * _unit(generator, n, training) - 1
    return x[:, None], np.sin(np.pi * x)


def _cubic(generator: Generator, n: int, training: bool, _: int) -> tuple[Array, Array]:
    """Compute y = 4 x^3 - 3 x over x from -1 to 1: the Chebyshev polynomial of degree 3."""
    x = 2 * _unit(generator, n, training) - 1
    return x[:, None], 4 * x**3 - 3 * x


def _plane(generator: Generator, n: int, _: bool, __: int) -> tuple[Array, Array]:
    """Compute y = x_1 + x_2 over a square from -1 to 1."""
    x = generator.uniform(-1, 1, size=(n, 2))
    return x, x.sum(axis=1)


def _hills(generator: Generator, n: int, _: bool, __: int) -> tuple[Array, Array]:
    """Add bumps exp(-(d / 0.3)^2) of alternating sign around six centres, over -1 to 1."""
    x = generator.uniform(-1, 1, size=(n, 2))
    centres = np.array([(across, up) for up in (-0.45, 0.45) for across in (-0.65, 0.0, 0.65)])
    signs = np.array([-1, 1, -1, 1, -1, 1])
    squared = ((x[:, None] - centres) ** 2).sum(axis=2)  # [n, centres]
    return x, np.exp(-squared / 0.3**2) @ signs


def _moons(generator: Generator, n: int, _: bool, __: int) -> tuple[Array, Array]:
    """Draw two interleaved half circles of radius 1."""
    angle = np.pi * generator.uniform(size=n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    label = _alternating(n)
    return np.where(label[:, None] == 0, upper, lower), label


def _circles(generator: Generator, n: int, _: bool, __: int) -> tuple[Array, Array]:
    """Draw a circle of radius 1 around a circle of radius 1/2."""
    label = _alternating(n)
    return _polar(np.where(label == 0, 1.0, 0.5), 2 * np.pi * generator.uniform(size=n)), label


def _spirals(generator: Generator, n: int, _: bool, __: int) -> tuple[Array, Array]:
    """Draw two arms from the centre to radius 1 that wind one and a half times."""
    label, radius = _alternating(n), np.sqrt(generator.uniform(size=n))
    return _polar(radius, 3 * np.pi * radius + np.pi * label), label


def _blobs(generator: Generator, n: int, _: bool, __: int) -> tuple[Array, Array]:
    """Draw two normal clouds of deviation 1 with centres 2 apart: the best accuracy is 84 %."""
    label = _alternating(n)
    centre = (2 * label[:, None] - 1) / np.sqrt(2)
    return centre + generator.normal(size=(n, 2)), label


def _xor(generator: Generator, n: int, _: bool, __: int) -> tuple[Array, Array]:
    """Draw a square from -1 to 1; class 1 is where both coordinates have the same sign."""
    label, x = _alternating(n), generator.uniform(-1, 1, size=(n, 2))
    x[:, 1] = np.abs(x[:, 1]) * np.where(label == 1, 1, -1) * np.sign(x[:, 0])
    return x, label


def _unit(generator: Generator, n: int, training: bool) -> Array:
    """Return n numbers from 0 to 1, those for training evenly spread."""
    return spread(generator, n) if training else generator.uniform(size=n)


def _alternating(n: int) -> Array:
    return np.arange(n) % 2


def _polar(radius: Array, angle: Array) -> Array:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


FORMULAS: dict[str, Formula] = {
    "points": _points,
    "line": _line,
    "sine": _sine,
    "polynomial": _cubic,
    "plane": _plane,
    "hills": _hills,
    "moons": _moons,
    "circles": _circles,
    "spirals": _spirals,
    "blobs": _blobs,
    "xor": _xor,
}
