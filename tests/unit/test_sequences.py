"""Orders of rows in which every prefix is a fair sample."""

import numpy as np

from backend.datasets.random_streams import spread, stratified_order


def test_a_stratified_order_contains_every_row_once() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    order = stratified_order(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(100))


def test_every_part_of_a_stratified_order_is_balanced() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    ordered = labels[stratified_order(labels, np.random.default_rng(0))]
    for start in (0, 13, 60):
        counts = np.bincount(ordered[start : start + 20], minlength=3)
        assert np.abs(counts - [10, 6, 4]).max() <= 1


def test_spread_numbers_cover_the_interval_at_every_length() -> None:
    numbers = np.sort(spread(np.random.default_rng(0), 21))
    assert np.diff(numbers).max() < 2 / 21
