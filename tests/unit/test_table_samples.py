"""The samples of a run on a table: parts, and a preparation fitted on the training part only."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.specification import RunSpec
from tests.specs import run_spec, run_specs
from tests.tables import line, use_table
from worker.training.data import Data, load
from worker.training.table_samples import draw_table


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_table(monkeypatch, tmp_path, {**line(), "time": list(range(120))})


def parts_of(spec: RunSpec) -> dict[str, list[int]]:
    drawn = draw_table(spec.dataset, spec.training.seed)
    return {part: rows.tolist() for part, (_, _, rows) in drawn.items()}


def data_of(**settings: Any) -> Data:
    return load(run_spec("own", **settings))


@pytest.mark.parametrize(
    "split",
    [
        {"dataset__split": "random"},
        {"dataset__split": "stratified"},
        {"dataset__split": "grouped", "dataset__split_by": "colour", "dataset__n_train": 5,
         "dataset__n_validation": 20, "dataset__n_test": 15},
        {"dataset__split": "ordered", "dataset__split_by": "time"},
    ],
)  # fmt: skip
def test_no_row_is_in_two_parts_and_the_test_part_is_fixed(split: dict[str, Any]) -> None:
    first, second = (parts_of(spec) for spec in run_specs("own", training__seeds=2, **split))
    rows = [row for part in first.values() for row in part]
    assert len(set(rows)) == len(rows)
    assert first["test"] == second["test"]
    assert first["train"] != second["train"]


def test_a_smaller_training_set_is_the_beginning_of_a_larger_one() -> None:
    small, large = (parts_of(s)["train"] for s in run_specs("own", dataset__n_train=[10, 50]))
    assert large[:10] == small


def test_rows_of_a_group_stay_in_one_part() -> None:
    spec = run_spec(
        "own", dataset__split="grouped", dataset__split_by="group",
        dataset__n_train=20, dataset__n_validation=20, dataset__n_test=20,
    )  # fmt: skip
    groups = {part: {row % 4 for row in rows} for part, rows in parts_of(spec).items()}
    assert not groups["train"] & groups["validation"] and not groups["train"] & groups["test"]


def test_time_runs_from_training_to_test() -> None:
    rows = parts_of(run_spec("own", dataset__split="ordered", dataset__split_by="time"))
    assert max(rows["train"]) < min(rows["validation"])
    assert max(rows["validation"]) < min(rows["test"])


def test_the_column_of_a_split_is_no_input() -> None:
    plain, grouped = (
        run_spec("own", **split, dataset__n_train=20, dataset__n_test=20, dataset__n_validation=20)
        for split in ({}, {"dataset__split": "grouped", "dataset__split_by": "group"})
    )
    assert plain.dataset.input_count - grouped.dataset.input_count == 5  # four groups, and others


@pytest.mark.parametrize("missing", ["flag", "mean", "median"])
@pytest.mark.parametrize("encoding", ["one_hot", "rank"])
def test_the_number_of_inputs_is_known_from_the_specification(missing: str, encoding: str) -> None:
    spec = run_spec("own", dataset__missing=missing, dataset__encoding=encoding)
    assert load(spec).train.x.shape == (72, spec.dataset.input_count)


def test_empty_cells_get_the_mean_of_the_training_part() -> None:
    data = data_of(dataset__missing="flag", dataset__n_train=20)
    column = 1 + 4  # after x and the three colours with their rest
    value, flag = data.test.x[:, column], data.test.x[:, column + 1]
    known = data.train.x[data.train.x[:, column + 1] == 0, column]
    assert flag.any() and np.allclose(value[flag == 1], known.mean())


def test_inputs_are_scaled_by_the_training_part() -> None:
    data = data_of(dataset__n_train=20)
    assert np.allclose(data.scaling.mean, data.train.x.mean(axis=0))
    unscaled = data_of(dataset__n_train=20, dataset__scaling="none")
    assert not unscaled.scaling.mean.any()


def test_the_target_has_a_unit_of_its_own() -> None:
    values = np.concatenate([part.y[:, 0] for part in data_of().parts])
    assert (values.mean(), values.std()) == pytest.approx((0, 1), abs=1e-6)


def test_rare_categories_share_an_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = [f"k{index % 40}" for index in range(400)]
    use_table(monkeypatch, tmp_path, {"kind": names, "y": [float(i) for i in range(400)]})
    data = data_of()
    assert data.train.x.shape[1] == 21
    assert (data.test.x.sum(axis=1) == 1).all()
    assert 0.3 < data.test.x[:, -1].mean() < 0.7
