"""Verdicts on models solved in one step come from the grid of their experiment."""

from collections.abc import Mapping

import pytest

from backend.diagnosis.solved import SolvedRun, diagnose_solved

# Medians of the U-curve over the degree of a polynomial: train and validation loss.
U_CURVE = {0: (0.57, 0.58), 2: (0.28, 0.3), 3: (0.066, 0.104), 8: (0.047, 0.12), 15: (0.03, 3.2)}


def verdicts(cells: Mapping[int, tuple[float, float]], **settings: float) -> dict[int, str]:
    runs = [
        SolvedRun(10 * degree + seed, "sine", degree, f"degree {degree}", *losses, **settings)
        for degree, losses in cells.items()
        for seed in range(5)
    ]
    diagnoses = diagnose_solved(runs)
    return {degree: diagnoses[10 * degree].verdict.value for degree in cells}


def test_the_u_curve_underfits_fits_and_overfits() -> None:
    assert verdicts(U_CURVE) == {
        0: "underfitting", 2: "underfitting", 3: "good fit", 8: "good fit", 15: "overfitting",
    }  # fmt: skip


def test_the_best_cell_of_double_descent_interpolates_well() -> None:
    cells = {10: (0.082, 0.084), 30: (0.067, 0.075), 300: (0.001, 2.9), 2000: (0.0, 0.067)}
    found = verdicts(cells, reference_loss=0.09)
    assert list(found.values()) == ["underfitting", "good fit", "overfitting", "interpolates well"]


def test_the_seeds_of_a_cell_get_one_verdict() -> None:
    cell = [SolvedRun(seed, "d", 1, "a", 0.0, loss) for seed, loss in enumerate((0.1, 0.12, 9.0))]
    diagnoses = diagnose_solved([*cell, SolvedRun(9, "d", 2, "b", 0.5, 0.5)])
    assert {diagnoses[seed].verdict.value for seed in range(3)} == {"interpolates well"}
    assert "medians of 3 seeds" in diagnoses[0].sentence


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [((0.0, 0.9), "overfitting"), ((0.97, 1.0), "underfitting"), ((0.2, 0.25), "good fit")],
)
def test_a_single_cell_is_compared_with_a_constant_answer(
    losses: tuple[float, float], verdict: str
) -> None:
    [diagnosis] = diagnose_solved([SolvedRun(1, "d", 1, "", *losses, reference_loss=1.0)]).values()
    assert (diagnosis.verdict, diagnosis.confidence) == (verdict, "low")


def test_cells_on_other_data_are_not_compared() -> None:
    runs = [SolvedRun(n, noise, n, f"noise {noise}", 0.1, loss, 1.0)
            for n, (noise, loss) in enumerate([(0.0, 0.11), (0.5, 0.5)])]  # fmt: skip
    assert "nothing to compare it with" in diagnose_solved(runs)[0].sentence
