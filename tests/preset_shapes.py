"""Textbook effects that the presets must reproduce.

`SHAPES` holds for each preset its measurements, the claims about them, and a reduced version for
the tests. bench/presets.py trains the full presets.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from statistics import fmean
from typing import Any, Literal

from backend.diagnosis.stopping_rules import Patience, early_stop_step
from backend.specification import RunSpec, validate
from backend.specification.presets import PRESETS
from worker.training.device import choose_device
from worker.training.group import EpochResult, Group

Measurements = dict[str, float]
At = Literal["last", "best"]
By = Callable[[RunSpec], Any]


@dataclass(frozen=True)
class Trained:
    """A trained run: its variant (`label`) and the metrics of each epoch."""

    spec: RunSpec
    label: str | None
    history: Sequence[Mapping[str, float]]

    @property
    def end(self) -> Mapping[str, float]:
        """The metrics at the end of training: at the last epoch, or where early stopping acts."""
        stopping = self.spec.early_stopping
        if stopping.action == "flag":
            return self.history[-1]
        rule = Patience(stopping.patience or 0)
        losses = ((i, e["train_loss"], e["val_loss"]) for i, e in enumerate(self.history, 1))
        stop = early_stop_step(rule, losses)
        return self.history[(stop or len(self.history)) - 1]

    def value(self, metric: str, at: At = "last") -> float:
        """Return a metric at the end, or at the epoch of the lowest validation loss."""
        if at == "last":
            return self.end[metric]
        return min(self.history, key=lambda epoch: epoch["val_loss"])[metric]


def train(document: dict[str, Any]) -> list[Trained]:
    """Train every run of a specification for all epochs, in one group."""
    spec = validate(document)
    group = Group(spec.runs, choose_device())
    histories: list[list[Mapping[str, float]]] = [[] for _ in spec.runs]
    while not group.idle:
        for result in group.epoch():
            assert isinstance(result, EpochResult), result
            histories[result.index].append(result.metrics)
            if result.epoch >= spec.runs[result.index].training.epochs:
                group.drop(result.index)
    return [
        Trained(run, label, history)
        for run, label, history in zip(spec.runs, spec.labels, histories, strict=True)
    ]


def curve(runs: Iterable[Trained], by: By, metric: str, at: At = "last") -> dict[Any, float]:
    """Return the mean of a metric for each value of a hyperparameter, in ascending order."""
    values: dict[Any, list[float]] = {}
    for run in runs:
        values.setdefault(by(run.spec), []).append(run.value(metric, at))
    return {key: fmean(values[key]) for key in sorted(values)}


def peak(curve: Mapping[Any, float]) -> Any:
    """Return the key of the highest value."""
    return max(curve, key=curve.__getitem__)


@dataclass(frozen=True)
class Shape:
    """The effect that a preset shows: measurements of its runs, and claims about them.

    `reduced` replaces hyperparameters of the preset, by dotted path. The smaller experiment trains
    quickly and shows the same effect.
    """

    measure: Callable[[list[Trained]], Measurements]
    claims: Mapping[str, Callable[[Measurements], bool]]
    reduced: Mapping[str, Any]

    def document(self, slug: str) -> dict[str, Any]:
        """Return the reduced specification of a preset."""
        document = {
            k: dict(v) if isinstance(v, dict) else v for k, v in PRESETS[slug].document.items()
        }
        for path, value in self.reduced.items():
            section, name = path.split(".")
            document.setdefault(section, {})[name] = value
        return document


def degree(spec: RunSpec) -> Any:
    return spec.model.degree


def width(spec: RunSpec) -> Any:
    return spec.model.width


def depth(spec: RunSpec) -> Any:
    return spec.model.depth


def n_train(spec: RunSpec) -> Any:
    return spec.dataset.n_train


def label_noise(spec: RunSpec) -> Any:
    return spec.dataset.label_noise


def decay(spec: RunSpec) -> Any:
    return spec.training.weight_decay


def _five_dots(runs: list[Trained]) -> Measurements:
    train, validation = (curve(runs, degree, f"{part}_loss") for part in ("train", "val"))
    return {"train line": train[1], "train curve": train[6], "val line": validation[1],
            "val curve": validation[6]}  # fmt: skip


def _polynomial_degree(runs: list[Trained]) -> Measurements:
    test, train = curve(runs, degree, "test_loss"), curve(runs, degree, "train_loss")
    low, high = min(test), max(test)
    best = min(test, key=test.__getitem__)
    return {"best degree": best, "test lowest": test[best], "test at the lowest degree": test[low],
            "test at the highest degree": test[high], "train at the highest degree": train[high],
            "train at the best degree": train[best]}  # fmt: skip


def _at_peak(by: By, metric: str) -> Callable[[list[Trained]], Measurements]:
    """Return a function that measures the peak of a curve, and the curve before and after it."""

    def measure(runs: list[Trained]) -> Measurements:
        values = curve(runs, by, metric)
        keys, top = list(values), peak(values)
        before = [values[key] for key in keys if key < top] or [values[top]]
        return {"peak at": top, "value there": values[top], "lowest before": min(before),
                "last": values[keys[-1]], "lowest": min(values.values())}  # fmt: skip

    return measure


def _width_double_descent(runs: list[Trained]) -> Measurements:
    measurements = _at_peak(width, "test_loss")(runs)
    stopped, fitted = curve(runs, width, "test_loss", "best"), curve(runs, width, "train_loss")
    measurements["highest if stopped at the best epoch"] = max(stopped.values())
    measurements["train loss at the peak"] = fitted[measurements["peak at"]]
    return measurements


def _late_generalisation(runs: list[Trained]) -> Measurements:
    decayed = [run for run in runs if run.spec.training.weight_decay]
    plain = [run for run in runs if not run.spec.training.weight_decay]
    learnt = [next((i for i, m in enumerate(r.history, 1) if m["train_accuracy"] > 0.99), 0)
              for r in decayed]  # fmt: skip
    highest = [max(m["val_loss"] for m in run.history) for run in decayed]
    return {
        "train accuracy above 0.99 at epoch": fmean(learnt),
        "val loss then, at its highest": fmean(highest),
        "val loss at the end": fmean(run.value("val_loss") for run in decayed),
        "val accuracy when train was learnt": fmean(
            run.history[at - 1]["val_accuracy"] for run, at in zip(decayed, learnt, strict=True)
        ),
        "val accuracy at the end": fmean(run.value("val_accuracy") for run in decayed),
        "val loss at the end without decay": fmean(run.value("val_loss") for run in plain),
    }


def _learning_curves(runs: list[Trained]) -> Measurements:
    best = curve(runs, n_train, "test_loss", "best")
    sizes = list(best)
    steps = [best[small] - best[large] for small, large in pairwise(sizes)]
    return {"test at the fewest": best[sizes[0]], "test at the most": best[sizes[-1]],
            "smallest fall": min(steps), "exponent": log(best[sizes[0]] / best[sizes[-1]])
            / log(sizes[-1] / sizes[0])}  # fmt: skip


def _label_noise(runs: list[Trained]) -> Measurements:
    best = curve(runs, label_noise, "test_accuracy", "best")
    last = curve(runs, label_noise, "test_accuracy")
    fitted = curve(runs, label_noise, "train_accuracy")
    high = max(best)
    return {"best clean": best[0.0], "best noisy": best[high], "last clean": last[0.0],
            "last noisy": last[high], "train accuracy noisy": fitted[high]}  # fmt: skip


def _regularisation(runs: list[Trained]) -> Measurements:
    names = list(dict.fromkeys(str(run.label) for run in runs))
    measurements = {
        name: fmean(run.value("test_loss") for run in runs if run.label == name) for name in names
    }
    measurements["train loss, baseline"] = fmean(
        run.value("train_loss") for run in runs if run.label == names[0]
    )
    return measurements


def _lowers(name: str) -> Callable[[Measurements], bool]:
    return lambda measured: measured[name] < 0.85 * measured["baseline"]


def _layers(runs: list[Trained]) -> Measurements:
    most = max(n_train(run.spec) for run in runs)
    few = [run for run in runs if n_train(run.spec) < most]
    many = [run for run in runs if n_train(run.spec) == most]
    accuracy = curve(many, depth, "test_accuracy", "best")
    loss = curve(many, depth, "test_loss", "best")
    last, best = curve(few, depth, "test_loss"), curve(few, depth, "test_loss", "best")
    return {"accuracy single": accuracy[0], "accuracy multi": max(accuracy[1], accuracy[2]),
            "loss single": loss[0], "loss multi": min(loss[1], loss[2]),
            "rise after the best epoch, single, few": last[0] / best[0] - 1,
            "rise after the best epoch, deepest, few": last[2] / best[2] - 1}  # fmt: skip


def _course(runs: list[Trained]) -> Measurements:
    best_epochs = [
        1 + min(range(len(run.history)), key=lambda at: run.history[at]["val_loss"]) for run in runs
    ]
    means: dict[str, float] = {"mean best epoch": fmean(best_epochs)}
    ends: tuple[tuple[At, str], ...] = (("best", "best epoch"), ("last", "end"))
    for at, name in ends:
        for part in ("train", "val"):
            means[f"{part} at the {name}"] = fmean(run.value(f"{part}_loss", at) for run in runs)
    return means


def _moons(runs: list[Trained]) -> Measurements:
    few = min(n_train(run.spec) for run in runs)
    most = max(n_train(run.spec) for run in runs)
    wide = max(width(run.spec) for run in runs)
    gap = {
        size: fmean(
            run.value("val_loss") - run.value("train_loss")
            for run in runs
            if n_train(run.spec) == size and width(run.spec) == wide
        )
        for size in (few, most)
    }
    return {"gap of the widest, fewest": gap[few], "gap of the widest, most": gap[most]}


SHAPES: dict[str, Shape] = {
    "five-dots": Shape(
        _five_dots,
        {
            "the curve with 7 parameters fits the dots better": lambda f: (
                f["train curve"] < f["train line"] / 2
            ),
            "the line is closer to the pattern": lambda f: f["val line"] < f["val curve"] / 1.5,
        },
        {},
    ),
    "two-moons": Shape(
        _moons,
        {
            "a wide network memorises few points": lambda f: f["gap of the widest, fewest"] > 0.3,
            "data close the gap": lambda f: (
                f["gap of the widest, most"] < f["gap of the widest, fewest"] / 3
            ),
        },
        {"dataset.n_train": [20, 600], "model.width": [128], "training.epochs": 100},
    ),
    "iris": Shape(
        _layers,
        {"a hidden layer wins": lambda f: f["accuracy multi"] > f["accuracy single"] + 0.02},
        {"training.seeds": 5, "training.epochs": 120},
    ),
    "digits": Shape(
        _layers,
        {
            "hidden layers win on many": lambda f: (
                f["loss multi"] < 0.95 * f["loss single"]
                and f["accuracy multi"] > f["accuracy single"]
            ),
            "the deepest overfits most on few": lambda f: (
                f["rise after the best epoch, deepest, few"]
                > f["rise after the best epoch, single, few"] + 0.03
            ),
        },
        {"training.seeds": 3},
    ),
    "polynomial-degree": Shape(
        _polynomial_degree,
        {
            "the best degree is in between": lambda f: 3 <= f["best degree"] <= 6,
            "lower degrees miss the pattern": lambda f: (
                f["test at the lowest degree"] > 3 * f["test lowest"]
            ),
            "higher degrees follow the noise": lambda f: (
                f["test at the highest degree"] > 3 * f["test lowest"]
            ),
            "train loss only falls": lambda f: (
                f["train at the highest degree"] < f["train at the best degree"]
            ),
        },
        {"model.degree": [0, 1, 3, 5, 12, 15], "training.seeds": 10},
    ),
    "random-features": Shape(
        _at_peak(width, "test_loss"),
        {
            "the peak is where there are as many features as samples": lambda f: (
                f["peak at"] == (300 if f["peak at"] >= 200 else 100)
            ),
            "it towers above both sides": lambda f: (
                f["value there"] > 5 * f["lowest before"] and f["value there"] > 5 * f["last"]
            ),
            "the largest model is the best": lambda f: f["last"] <= f["lowest"],
        },
        {
            "dataset.n_train": 100,
            "model.width": [10, 30, 60, 100, 200, 400, 1000],
            "training.seeds": 2,
        },
    ),
    "width-double-descent": Shape(
        _width_double_descent,
        {
            "the peak is inside": lambda f: 6 <= f["peak at"] <= 48,
            "it is where train loss reaches 0": lambda f: f["train loss at the peak"] < 0.3,
            "it towers above both sides": lambda f: (
                f["value there"] > 1.5 * f["lowest before"] and f["value there"] > 1.5 * f["last"]
            ),
            "stopping early removes it": lambda f: (
                f["highest if stopped at the best epoch"] < f["value there"] / 2
            ),
        },
        {
            "dataset.n_train": 200,
            "dataset.n_validation": 200,
            "dataset.n_test": 400,
            "model.width": [2, 4, 8, 12, 24, 96],
            "training.epochs": 200,
            "training.seeds": 1,
        },
    ),
    "sample-double-descent": Shape(
        _at_peak(n_train, "test_loss"),
        {
            "the peak is where there are as many samples as parameters": lambda f: (
                45 <= f["peak at"] <= 55
            ),
            "more data hurt on the way there": lambda f: f["value there"] > 3 * f["lowest before"],
            "and help beyond": lambda f: f["last"] < 0.5,
        },
        {"dataset.n_train": [10, 30, 50, 75, 300], "training.seeds": 5},
    ),
    "learning-curves": Shape(
        _learning_curves,
        {
            "every doubling helps": lambda f: f["smallest fall"] > 0,
            "the fall is a power of the size": lambda f: 0.3 < f["exponent"] < 1.2,
        },
        {"dataset.n_train": [25, 100, 400], "training.seeds": 3},
    ),
    "label-noise": Shape(
        _label_noise,
        {
            "wrong labels are learnt by heart": lambda f: f["train accuracy noisy"] > 0.95,
            "test accuracy falls with them": lambda f: f["last noisy"] < f["last clean"] - 0.15,
            "the best epoch had lost far less": lambda f: f["best noisy"] > f["last noisy"] + 0.1,
        },
        {"dataset.label_noise": [0, 0.4], "training.seeds": 2},
    ),
    "bias-variance": Shape(
        _course,
        {
            "validation loss is lowest in between": lambda f: 8 <= f["mean best epoch"] <= 300,
            "and rises from there": lambda f: (
                f["val at the end"] > 1.25 * f["val at the best epoch"]
            ),
            "while train loss falls": lambda f: (
                f["train at the end"] < f["train at the best epoch"]
            ),
        },
        {"training.epochs": 512, "training.seeds": 4},
    ),
    "late-generalisation": Shape(
        _late_generalisation,
        {
            "the table is learnt by heart first": lambda f: (
                f["val accuracy when train was learnt"] < 0.3
            ),
            "validation loss rises during this time": lambda f: (
                f["val loss then, at its highest"] > 5
            ),
            "and falls long after": lambda f: f["val loss at the end"] < 2,
            "never without weight decay": lambda f: f["val loss at the end without decay"] > 5,
        },
        {"training.epochs": 500, "training.seeds": 1},
    ),
    "regularisation": Shape(
        _regularisation,
        {
            "the network learns its data by heart": lambda f: f["train loss, baseline"] < 0.05,
            **{
                f"{name} lowers test loss": _lowers(name)
                for name in ("dropout", "weight decay", "early stopping")
            },
        },
        {"dataset.n_validation": 200, "dataset.n_test": 400, "training.seeds": 2},
    ),
}
"""Shape of every preset, by its slug."""
