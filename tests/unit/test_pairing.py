"""Train and validation loss among the metrics of a run, as known clients log them."""

import math
import time
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.diagnosis import diagnose
from backend.pairing import Chosen, LoggedPoints, Pairing, pair_losses
from backend.pairing.logged_points import by_step
from backend.pairing.pairing import NO_CHOICE
from backend.pairing.series_names import parse_name
from tests.logged import (
    BATCHES,
    CLIENTS,
    EPOCHS,
    KERAS,
    TRAIN,
    TRANSFORMERS,
    VALIDATION,
    Log,
    metrics,
    per_batch,
    per_epoch,
)


def paired(log: Log, chosen: Chosen = NO_CHOICE, **params: str) -> Pairing:
    return pair_losses(metrics(log), params=params, chosen=chosen)


def losses(log: Log, chosen: Chosen = NO_CHOICE, **params: str) -> dict[int, float]:
    pair = paired(log, chosen, **params).pair
    assert pair is not None
    return pair.validation.by_step


@pytest.mark.parametrize("client", CLIENTS)
def test_the_losses_of_a_client_are_found_and_cleaned(client: str) -> None:
    logged = CLIENTS[client]
    pairing = pair_losses(metrics(logged.log), params=logged.params)
    pair = pairing.pair
    assert pair is not None
    stride = BATCHES if logged.unit == "step" else 1
    places = [logged.first + stride * epoch for epoch in range(EPOCHS)]
    assert (pair.names, pair.unit) == (logged.names, logged.unit)
    assert pair.validation.by_step == dict(zip(places, VALIDATION, strict=True))
    assert pair.curve.train.tolist() == TRAIN
    assert all(name in pairing.reason for name in logged.names)


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_gives_the_same_verdict(client: str) -> None:
    logged = CLIENTS[client]
    pair = pair_losses(metrics(logged.log), params=logged.params).pair
    assert pair is not None
    diagnosis = diagnose(pair.curve, accuracy=pair.accuracy)
    assert diagnosis.verdict == "overfitting"
    assert diagnosis.best_step == pair.validation.steps[2]


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ([("training_score", 0, 0.9), ("training_log_loss", 0, 0.1)], "no validation loss"),
        ([("accuracy", 0, 0.9)], "None of the metrics is named like a loss"),
        ([("loss", 0, 0.9), ("val_loss", 0, 0.9)], "have a single value each"),
        ([("val_loss", e, 0.9) for e in range(9)], "there is no train loss of its kind"),
        ([], "None of the metrics"),
    ],
)
def test_a_run_without_a_pair_of_curves_gives_the_reason(log: Log, reason: str) -> None:
    pairing = paired(log)
    assert pairing.pair is None
    assert reason in pairing.reason


def test_the_newest_value_of_a_step_counts() -> None:
    once = [("val_loss", 3, 9.0), *KERAS]
    assert losses(once) == dict(enumerate(VALIDATION))


def test_a_resumed_run_goes_on_where_it_was_resumed() -> None:
    lost = [(key, step, 7.0) for step in range(5, 9) for key in ("loss", "val_loss")]
    before = [point for point in KERAS if point[1] < 5]
    after = [point for point in KERAS if point[1] >= 5]
    assert losses(before + lost + after) == dict(enumerate(VALIDATION))
    going_on = losses(before + lost + [("loss", 5, 0.1), ("val_loss", 5, 0.75)])
    assert going_on == dict(enumerate([*VALIDATION[:5], 0.75]))


def test_batches_that_are_logged_at_their_epoch_are_averaged() -> None:
    log = [
        (key, epoch, value)
        for epoch in range(EPOCHS)
        for key, value in (("loss", 0.0), ("loss", 2 * TRAIN[epoch]), ("val_loss", 1.0))
    ]
    pair = paired(log).pair
    assert pair is not None
    assert pair.train.values.tolist() == TRAIN


def test_counters_that_differ_are_paired_by_time() -> None:
    epochs = {BATCHES * (epoch + 1): epoch for epoch in range(EPOCHS)}
    by_batch = per_batch("train_loss", "val_loss", epoch=None, fraction=False)
    log = [(key, epochs[at] if key == "val_loss" else at, value) for key, at, value in by_batch]
    pairing = paired(log)
    assert pairing.pair is not None
    assert pairing.pair.validation.by_step == dict(enumerate(VALIDATION))
    assert pairing.pair.curve.train.tolist() == TRAIN
    assert "by the time of logging" in pairing.reason


def test_losses_without_steps_are_numbered() -> None:
    pairing = paired([(key, 0, value) for key, _, value in KERAS])
    assert pairing.pair is not None
    assert pairing.pair.unit == "evaluation"
    assert pairing.pair.validation.by_step == dict(enumerate(VALIDATION, start=1))
    assert pairing.pair.curve.train.tolist() == TRAIN


def test_a_sanity_check_before_training_is_left_out() -> None:
    log = [("val_loss", 0, 9.9), *per_batch("train_loss", "val_loss", epoch=None, fraction=False)]
    assert list(losses(log).values()) == VALIDATION


def test_an_evaluation_after_training_is_left_out() -> None:
    assert losses([*KERAS, ("val_loss", EPOCHS, 0.25)]) == dict(enumerate(VALIDATION))


def test_a_good_last_epoch_is_not_taken_for_a_restored_row() -> None:
    log = [*KERAS, ("loss", EPOCHS, 0.0001), ("val_loss", EPOCHS, VALIDATION[2])]
    assert losses(log)[EPOCHS] == VALIDATION[2]


def test_a_constant_curve_keeps_its_last_epoch() -> None:
    log = [(key, epoch, 1.0) for epoch in range(9) for key in ("loss", "val_loss")]
    assert len(losses(log)) == 9


def test_evaluation_several_times_per_epoch_stays_on_steps() -> None:
    log = [(key, step, value / 2 if key == "epoch" else value)
           for key, step, value in TRANSFORMERS]  # fmt: skip
    pair = paired(log).pair
    assert pair is not None
    assert pair.unit == "step"
    assert pair.validation.steps.tolist() == [BATCHES * (e + 1) for e in range(EPOCHS)]


def test_a_person_can_choose_the_series_and_the_axis() -> None:
    log = [*KERAS, *per_epoch("mae", "val_mae")]
    pair = paired(log, Chosen("mae", "val_mae", "step")).pair
    assert pair is not None
    assert (pair.names, pair.unit) == (("mae", "val_mae"), "step")
    half = paired(log, Chosen(validation="val_mae")).pair
    assert half is not None
    assert half.names == ("mae", "val_mae")
    timed = paired(TRANSFORMERS, Chosen(axis="time")).pair
    assert timed is not None
    assert timed.curve.train.tolist() == TRAIN


def test_a_chosen_series_that_is_missing_is_named() -> None:
    pairing = paired(KERAS, Chosen(train="mae"))
    assert pairing.reason == "The metric mae, chosen as train loss, is not logged by this run."


def test_the_other_pairs_are_listed() -> None:
    pairing = paired([*per_epoch("train_mse", "val_mse"), *KERAS])
    assert pairing.alternatives == (("train_mse", "val_mse"),)


def test_validation_accuracy_is_on_the_axis_of_the_losses() -> None:
    accuracy = [("eval_accuracy", step, 0.9) for key, step, _ in TRANSFORMERS if key == "eval_loss"]
    pair = paired([*TRANSFORMERS, *accuracy]).pair
    assert pair is not None
    assert pair.accuracy is not None
    assert pair.accuracy.steps.tolist() == pair.validation.steps.tolist()


def test_train_loss_that_breaks_after_the_last_validation_is_kept() -> None:
    log = [*TRANSFORMERS, ("loss", 49, math.nan), ("epoch", 49, 12.25), ("loss", 50, math.nan)]
    pair = paired(log).pair
    assert pair is not None
    assert diagnose(pair.curve).verdict == "diverged"


class CountedReads(Mapping[str, LoggedPoints]):
    """Metrics that count how often points are read."""

    def __init__(self, points: Mapping[str, LoggedPoints]) -> None:
        self.points, self.reads = points, 0

    def __getitem__(self, name: str) -> LoggedPoints:
        self.reads += 1
        return self.points[name]

    def __contains__(self, name: object) -> bool:
        return name in self.points

    def __iter__(self) -> Iterator[str]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)


@pytest.mark.parametrize("name", ["{part}/layer_{i}/weight_norm", "{part}/head_{i}_loss"])
def test_12_000_metrics_are_searched_quickly(name: str) -> None:
    many = {
        name.format(part=part, i=i): LoggedPoints.of(range(5), [1.0] * 5)
        for i in range(6000)
        for part in ("train", "val")
    }
    counted = CountedReads({**many, **metrics(KERAS)})
    pairing = pair_losses(counted)
    assert pairing.pair is not None
    assert pairing.pair.names == ("loss", "val_loss")
    assert counted.reads < 20
    assert min(seconds_to_pair(counted) for _ in range(3)) < 0.2


def seconds_to_pair(logged: Mapping[str, LoggedPoints]) -> float:
    """Return the processor time of one search among names that were not seen before."""
    parse_name.cache_clear()
    begun = time.process_time()
    pair_losses(logged)
    return time.process_time() - begun


steps = st.integers(-5, 40)
values = st.floats(width=32)
series = st.lists(st.tuples(steps, values, st.integers(0, 50)), max_size=30)


@given(st.dictionaries(st.sampled_from(["loss", "val_loss", "epoch", "val_acc"]), series))
def test_any_points_give_ascending_losses_or_a_reason(
    points: dict[str, list[tuple[int, float, int]]],
) -> None:
    pairing = pair_losses({
        key: LoggedPoints.of(*(zip(*rows, strict=True) if rows else ([], [], [])))
        for key, rows in points.items()
    })  # fmt: skip
    assert pairing.reason.endswith(".")
    if pairing.pair is not None:
        for part in (pairing.pair.train, pairing.pair.validation, pairing.pair.accuracy):
            assert part is None or (np.diff(part.steps) > 0).all()
        diagnose(pairing.pair.curve, accuracy=pairing.pair.accuracy)


@given(series)
def test_each_step_has_its_newest_value(rows: list[tuple[int, float, int]]) -> None:
    points = LoggedPoints.of(*(zip(*rows, strict=True) if rows else ([], [], [])))
    newest = {step: value for step, value, _ in sorted(rows, key=lambda row: row[2])}
    for step, value in by_step(points).series.by_step.items():
        assert value == newest[step] or math.isnan(value)


@given(st.permutations(KERAS))
def test_the_order_of_arrival_does_not_matter(log: Log) -> None:
    logged = metrics(KERAS)
    arrived = {key: [step for name, step, _ in log if name == key] for key in logged}
    shuffled = {key: logged[key].take(arrived[key]) for key in logged}
    assert pair_losses(shuffled).pair == pair_losses(logged).pair
