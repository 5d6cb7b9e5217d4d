"""The basis of polynomials: products of Legendre polynomials, one for each input in a term."""

from collections import Counter
from itertools import chain, combinations_with_replacement

import numpy as np
from numpy.polynomial.legendre import legvander

from backend.datasets.sequences import Array

Term = tuple[tuple[int, int], ...]
"""The inputs that take part in a term, each with its degree there; the constant has none."""


def terms(inputs: int, degree: int) -> list[Term]:
    """Return every term of at most `degree` altogether, the plainest first."""
    chosen = chain.from_iterable(
        combinations_with_replacement(range(inputs), total) for total in range(degree + 1)
    )
    return [tuple(sorted(Counter(inputs).items())) for inputs in chosen]


def evaluate(scaled: Array, degree: int) -> Array:
    """Return the terms [n, terms] at inputs [n, inputs] that the data scale to -1 to 1.

    Legendre polynomials are orthogonal over the square from -1 to 1, so that high degrees can be
    fitted by gradients. Each is divided by 2 k + 1: gradients then learn the plain shape before
    the wiggles.
    """
    each = legvander(scaled, degree) / (2 * np.arange(degree + 1) + 1)  # [n, inputs, degree + 1]
    columns = [
        np.prod([each[:, i, k] for i, k in term], axis=0) if term else np.ones(len(scaled))
        for term in terms(scaled.shape[1], degree)
    ]
    return np.stack(columns, axis=1)
