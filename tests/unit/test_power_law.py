import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.analysis.power_law import fit

SIZES = [20, 50, 100, 200, 500, 1000, 2000]
LCDB = Path(__file__).parent.parent / "data" / "lcdb_learning_curves.csv"


@settings(max_examples=25, deadline=None)
@given(a=st.floats(0.5, 20), b=st.floats(0.2, 1.5), c=st.floats(0.01, 1))
def test_the_generating_law_is_recovered(a: float, b: float, c: float) -> None:
    law = fit(SIZES, [a * n**-b + c for n in SIZES])
    assert law(5000) == pytest.approx(a * 5000**-b + c, rel=0.02)
    assert law.scatter < 0.01


def test_scaling_the_losses_scales_the_law() -> None:
    losses = [2 * n**-0.4 + 0.1 + 0.01 * (-1) ** i for i, n in enumerate(SIZES)]
    law, hundred = fit(SIZES, losses), fit(SIZES, [100 * loss for loss in losses])
    assert hundred(4000) == pytest.approx(100 * law(4000))
    assert hundred.b == law.b


def test_the_interval_contains_the_law_and_widens_with_extrapolation() -> None:
    random = np.random.default_rng(3)
    losses = [(3 * n**-0.5 + 0.2) * (1 + 0.03 * random.normal()) for n in SIZES]
    law = fit(SIZES, losses)
    near, far = law.at(2000), law.at(50_000)
    assert near.low and near.high and far.low and far.high
    assert far.low < 3 * 50_000**-0.5 + 0.2 < far.high
    assert (far.high - far.low) / law(50_000) > (near.high - near.low) / law(2000)


def test_the_inverse_of_the_law_gives_the_samples_for_a_loss() -> None:
    law = fit(SIZES, [2 * n**-0.5 + 0.1 for n in SIZES])
    needed = law.samples_for(law(4000))
    assert needed.value == pytest.approx(4000, rel=0.05)
    assert needed.low is not None and needed.low < 4000


def test_a_loss_below_the_floor_has_no_sample_size() -> None:
    law = fit(SIZES, [2 * n**-0.5 + 0.1 for n in SIZES])
    assert law.c == pytest.approx(0.1, rel=0.05)
    assert law.samples_for(0.05).value is None


def test_losses_that_do_not_fall_give_a_flat_law() -> None:
    law = fit(SIZES, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6])
    assert law(20) == pytest.approx(law(10_000))


def test_the_same_losses_give_the_same_interval() -> None:
    losses = [2 * n**-0.5 + 0.1 for n in SIZES]
    assert fit(SIZES, losses).at(9000) == fit(SIZES, losses).at(9000)


def public_curves() -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = {}
    with LCDB.open() as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            curve = curves.setdefault(f"{row['learner']} on {row['openml_id']}", [])
            curve.append((int(row["n_train"]), float(row["error_rate"])))
    return curves


def test_the_law_extrapolates_real_learning_curves_better_than_a_constant() -> None:
    law_errors, constant_errors, held = [], [], []
    for curve in public_curves().values():
        half = len(curve) // 2
        sizes, losses = zip(*curve, strict=True)
        law = fit(sizes[:half], losses[:half])
        for n, loss in curve[half:]:
            law_errors.append(abs(law(n) - loss))
            constant_errors.append(abs(losses[half - 1] - loss))
            at = law.at(n)
            held.append((at.low or 0) <= loss <= (at.high or 0))
    assert np.mean(law_errors) < 0.75 * np.mean(constant_errors)
    assert np.mean(held) > 0.8
