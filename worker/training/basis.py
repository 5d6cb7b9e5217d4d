"""The basis of polynomial models: each term is a product of one Legendre polynomial per input."""

from collections import Counter
from itertools import chain, combinations_with_replacement

import numpy as np
from numpy.polynomial.legendre import legvander

from backend.datasets.sequences import Array

BasisTerm = tuple[tuple[int, int], ...]
"""(input, degree) of each input in a term. The constant term is the empty tuple."""


def terms(inputs: int, degree: int) -> list[BasisTerm]:
    """Return every term of total degree up to `degree`, ordered by total degree."""
    selections = chain.from_iterable(
        combinations_with_replacement(range(inputs), total) for total in range(degree + 1)
    )
    return [tuple(sorted(Counter(inputs).items())) for inputs in selections]


def evaluate(scaled: Array, degree: int) -> Array:
    """Evaluate the terms [n, terms] at inputs [n, inputs], which are scaled to -1 to 1.

    Legendre polynomials are orthogonal over the square from -1 to 1, so gradient descent can fit
    high degrees. The polynomial of degree k is divided by 2 k + 1: gradients then learn the smooth
    shape before the oscillations.
    """
    polynomials = legvander(scaled, degree) / (
        2 * np.arange(degree + 1) + 1
    )  # [n, inputs, degree + 1]
    columns = [
        np.prod([polynomials[:, i, k] for i, k in term], axis=0) if term else np.ones(len(scaled))
        for term in terms(scaled.shape[1], degree)
    ]
    return np.stack(columns, axis=1)
