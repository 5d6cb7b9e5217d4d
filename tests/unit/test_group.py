"""Groups of runs: curves depend only on the specification, checkpoints restore them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Never

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_arrays
from safetensors.torch import load as load_tensors
from safetensors.torch import save
from torch import Tensor

from backend.specification import RunSpec
from tests.specs import run_spec, run_specs
from worker.training.data import load
from worker.training.device import choose_device
from worker.training.ensemble import Interrupted
from worker.training.gradient_descent import GradientDescent
from worker.training.group import EpochResult, Failure, Group
from worker.training.random_draws import ORDER_BYTES, sample_order

DEVICE = choose_device()
Curve = list[Mapping[str, float]]
VARIETY: list[dict[str, Any]] = [
    {"model__width": 8, "model__dropout": 0.3, "model__depth": 2},
    {"training__optimizer": "sgd", "training__momentum": 0.9},
    {"training__optimizer": "adamw", "training__weight_decay": 0.1, "model__activation": "gelu"},
    {"model__family": "polynomial", "model__degree": 3},
    {"model__depth": 0, "training__optimizer": "sgd", "training__momentum": 0.0},
]


def variety() -> list[RunSpec]:
    small = {"dataset__n_train": 40, "dataset__n_validation": 50, "dataset__n_test": 50}
    return [
        run_spec("moons", **small, training__batch_size=16, **hyperparameters)
        for hyperparameters in VARIETY
    ]


def curves(group: Group, epochs: int) -> dict[int, Curve]:
    recorded: dict[int, Curve] = {index: [] for index in group.active}
    for _ in range(epochs):
        for result in group.epoch():
            assert isinstance(result, EpochResult)
            recorded[result.index].append(result.metrics)
    return recorded


def curve(specs: Sequence[RunSpec], epochs: int, index: int = 0) -> Curve:
    return curves(Group(specs, DEVICE), epochs)[index]


def test_a_curve_is_the_same_alone_and_in_a_group() -> None:
    together = curves(Group(variety(), DEVICE), 4)
    for index, spec in enumerate(variety()):
        assert curve([spec], 4) == together[index]


def test_a_curve_does_not_depend_on_torchs_global_generator() -> None:
    torch.manual_seed(1)
    reference = curve(variety(), 3)
    torch.manual_seed(2)
    assert curve(variety(), 3) == reference


def test_dropping_a_member_does_not_change_other_curves() -> None:
    group = Group(variety(), DEVICE)
    first = curves(group, 2)
    group.drop(0)
    rest = curves(group, 2)
    assert group.active == (1, 2, 3, 4)
    assert first[1] + rest[1] == curve(variety(), 4, index=1)


def test_members_that_leave_an_ensemble_do_not_change_the_others() -> None:
    hyperparameters = {"dataset__n_train": [30, 45, 60, 75], "model__width": [5, 8]}
    specs = run_specs("moons", **hyperparameters, training__batch_size=16, model__dropout=0.2)
    whole, shrinking = Group(specs, DEVICE), Group(specs, DEVICE)
    expected = curves(whole, 6)
    recorded = curves(shrinking, 2)
    for left in ((1, 4, 6), (0, 7)):
        for index in left:
            shrinking.drop(index)
        for index, curve in curves(shrinking, 2).items():
            recorded[index] += curve
    assert shrinking.active == (2, 3, 5)
    for index in shrinking.active:
        assert recorded[index] == expected[index]
        assert weights(shrinking, index) == weights(whole, index)


def test_a_restored_group_continues_to_the_bit() -> None:
    whole = Group(variety(), DEVICE)
    uninterrupted = curves(whole, 6)
    first = Group(variety(), DEVICE)
    before = curves(first, 3)
    checkpoints = {index: first.checkpoint(index)[1] for index in first.active}
    second = Group(variety(), DEVICE, checkpoints=checkpoints)
    after = curves(second, 3)
    for index in whole.active:
        assert before[index] + after[index] == uninterrupted[index]
        assert weights(second, index) == weights(whole, index)


def test_epochs_count_from_1_and_go_on_after_a_checkpoint() -> None:
    group = Group(variety()[:1], DEVICE)
    (first,) = group.epoch()
    epoch, state = group.checkpoint(0)
    (second,) = Group(variety()[:1], DEVICE, checkpoints={0: state}).epoch()
    assert (first.epoch, epoch, second.epoch) == (1, 1, 2)


def test_the_best_snapshot_is_of_the_lowest_validation_loss() -> None:
    spec = run_spec("moons", dataset__n_train=10, model__width=64, training__learning_rate=0.05)
    group = Group([spec], DEVICE)
    losses = [metrics["val_loss"] for metrics in curves(group, 30)[0]]
    best, last = group.snapshots(0)
    assert (best.kind, best.epoch) == ("best", 1 + int(np.argmin(losses)))
    assert (last.kind, last.epoch) == ("last", 30)
    assert best.weights != last.weights


def test_a_member_without_data_fails_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = variety()[:2]
    monkeypatch.setattr(
        "worker.training.member.load", lambda spec: _break() if spec == first else load(spec)
    )
    group = Group([first, second], DEVICE)
    failure, result = group.epoch()
    assert isinstance(failure, Failure)
    assert (failure.index, str(failure.error)) == (0, "broken")
    assert isinstance(result, EpochResult)
    assert group.active == (1,)


def test_a_member_with_a_wrong_checkpoint_fails_alone() -> None:
    group = Group(variety(), DEVICE)
    group.epoch()
    states = {index: group.checkpoint(index)[1] for index in group.active}
    first = load_tensors(states[0])
    states[0] = save({name: array for name, array in first.items() if "/" not in name})
    failure, *results = Group(variety(), DEVICE, checkpoints=states).epoch()
    assert isinstance(failure, Failure)
    assert failure.index == 0
    assert results == group.epoch()[1:]


def test_an_error_in_an_ensemble_fails_only_its_members(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = curves(Group(variety(), DEVICE), 4)
    group, advance = Group(variety(), DEVICE), GradientDescent.advance
    recorded = curves(group, 2)

    def breaking(ensemble: GradientDescent, interrupted: Callable[[], bool]) -> Tensor:
        if ensemble.members[0].spec == variety()[0]:
            _break()
        return advance(ensemble, interrupted)

    monkeypatch.setattr(GradientDescent, "advance", breaking)
    (failure,) = (result for result in group.epoch() if isinstance(result, Failure))
    assert (failure.index, str(failure.error)) == (0, "broken")
    group.drop(0)
    for index, rest in curves(group, 1).items():
        assert recorded[index] + rest == [*expected[index][:2], expected[index][3]]


def test_cached_sample_orders_use_bounded_memory() -> None:
    for epoch in range(4):
        sample_order(0, epoch, ORDER_BYTES // 16)
    assert sample_order.cache is not None
    assert len(sample_order.cache) == 2


def test_an_interrupted_group_abandons_its_epoch() -> None:
    group = Group(variety(), DEVICE, interrupted=lambda: True)
    with pytest.raises(Interrupted):
        group.epoch()


def test_weights_load_into_a_plain_sequential_model() -> None:
    group = Group([run_spec("moons", model__width=4, model__depth=1, model__dropout=0.5)], DEVICE)
    group.epoch()
    plain = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    plain.load_state_dict(load_tensors(group.snapshots(0)[0].weights))


def test_a_snapshot_contains_its_metadata() -> None:
    group = Group([run_spec("points", model__degree=2)], DEVICE)
    group.epoch()
    metadata = header(group.snapshots(0)[1].weights)
    assert metadata["epoch"] == "1"
    assert json.loads(metadata["run_spec"])["model.degree"] == 2
    assert len(json.loads(metadata["input_mean"])) == 1
    assert json.loads(metadata["terms"]) == [[], [[0, 1]], [[0, 2]]]


def test_the_fit_of_points_is_a_curve() -> None:
    group = Group([run_spec("points", model__degree=1, dataset__target_noise=0.0)], DEVICE)
    curves(group, 200)
    fit = load_arrays(group.snapshots(0)[1].fit or b"")
    assert fit["x"].dtype == fit["prediction"].dtype == np.float32
    assert np.allclose(fit["prediction"], 3 * fit["x"], atol=0.05)


def test_the_fit_of_moons_is_a_plane_of_probabilities() -> None:
    group = Group([run_spec("moons", dataset__input_noise=0.0)], DEVICE)
    curves(group, 40)
    fit = load_arrays(group.snapshots(0)[1].fit or b"")
    probability = fit["probability"]
    assert probability.shape == (len(fit["y"]), len(fit["x"]))
    at = probability[np.abs(fit["y"] - 1).argmin(), np.abs(fit["x"]).argmin()]
    assert at < 0.1  # the top of the upper moon is class 0
    assert probability.max() > 0.9


def test_the_fit_of_a_plane_is_a_plane_of_values() -> None:
    features = {"model__depth": 0, "model__features": "x1 + x2", "dataset__target_noise": 0.0}
    group = Group([run_spec("plane", training__learning_rate=0.02, **features)], DEVICE)
    curves(group, 100)
    fit = load_arrays(group.snapshots(0)[1].fit or b"")
    assert np.allclose(fit["prediction"], fit["x"][None, :] + fit["y"][:, None], atol=0.02)
    assert "train_mislabelled" not in load_arrays(group.samples(0) or b"")


def test_data_of_more_than_two_inputs_has_no_picture() -> None:
    group = Group([run_spec("iris")], DEVICE)
    group.epoch()
    assert group.samples(0) is None
    assert group.snapshots(0)[0].fit is None


def test_samples_are_unscaled_and_mark_wrong_labels() -> None:
    spec = run_spec("moons", dataset__label_noise=0.2, dataset__n_validation=900)
    samples = load_arrays(Group([spec], DEVICE).samples(0) or b"")
    assert samples["train_x"].shape == (200, 2)
    assert samples["validation_x"].shape == (500, 2)
    assert samples["train_mislabelled"].sum() == 40


def test_the_five_dots_preset_overfits_as_described() -> None:
    specs = run_specs("points", model__degree=[1, 6], training__seeds=[287])
    line, wiggle = curves(Group(specs, DEVICE), 2000).values()
    assert line[-1]["train_loss"] == pytest.approx(5.3, abs=0.5)
    assert line[-1]["val_loss"] == pytest.approx(5.1, abs=0.5)
    assert wiggle[-1]["train_loss"] < 0.01
    assert 15 < wiggle[-1]["val_loss"] < 25
    lowest = min(metrics["val_loss"] for metrics in wiggle)
    assert lowest < 0.5 * wiggle[0]["val_loss"]
    assert lowest < 0.7 * wiggle[-1]["val_loss"]
    since = line[-1]["val_loss"] / min(metrics["val_loss"] for metrics in line)
    assert 1.05 < since < 1.15  # a small rise, as the preset describes


def weights(group: Group, index: int) -> list[dict[str, list[float]]]:
    return [
        {name: tensor.tolist() for name, tensor in load_tensors(snapshot.weights).items()}
        for snapshot in group.snapshots(index)
    ]


def header(safetensors: bytes) -> dict[str, Any]:
    length = int.from_bytes(safetensors[:8], "little")
    metadata: dict[str, Any] = json.loads(safetensors[8 : 8 + length])["__metadata__"]
    return metadata


def _break() -> Never:
    raise ValueError("broken")
