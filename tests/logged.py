"""The metrics that known clients log for one curve, as (step, value) in the order of logging."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backend.pairing import LoggedPoints

EPOCHS = 12
TRAIN = [2.0**-e for e in range(EPOCHS)]
VALIDATION = [1.0, 0.5, 0.25, 0.3, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25]
BEST = 2  # index of the lowest validation loss
BATCHES = 4  # per epoch

Log = list[tuple[str, int, float]]
"""Metric, step and value of each call, in order."""


@dataclass(frozen=True)
class ClientLog:
    """The log of one client, and the names, unit and first step under which it is paired."""

    log: Log
    names: tuple[str, str]
    unit: str
    first: int = 0
    params: Mapping[str, str] = field(default_factory=dict)


def metrics(log: Iterable[tuple[str, int, float]]) -> dict[str, LoggedPoints]:
    """Return the points of each metric; the calls are a second apart."""
    points: dict[str, list[tuple[int, float, int]]] = {}
    for order, (key, step, value) in enumerate(log):
        points.setdefault(key, []).append((step, value, 1_700_000_000_000 + 1000 * order))
    return {key: LoggedPoints.of(*zip(*rows, strict=True)) for key, rows in points.items()}


def per_epoch(train: str, validation: str, *others: str, first: int = 0) -> Log:
    """Return one value of both losses, and of other metrics, at each epoch."""
    return [
        (key, first + epoch, value)
        for epoch in range(EPOCHS)
        for key, value in [
            (train, TRAIN[epoch]),
            (validation, VALIDATION[epoch]),
            *((other, 0.5) for other in others),
        ]
    ]


def per_batch(train: str, validation: str, *, epoch: str | None, fraction: bool) -> Log:
    """Return train loss at every batch and validation loss at the end of each epoch.

    Steps count batches. The metric `epoch` is logged with each call, as a fraction or a number.
    """
    log: Log = []
    for index in range(EPOCHS * BATCHES):
        step, e = index + 1, index // BATCHES
        at = step / BATCHES if fraction else e
        log += [(train, step, TRAIN[e]), *([(epoch, step, at)] if epoch else [])]
        if step % BATCHES == 0:
            log += [(validation, step, VALIDATION[e]), *([(epoch, step, at)] if epoch else [])]
    return log


def again(train: str, validation: str, step: int) -> Log:
    """Return the best row, as clients repeat it when they restore its weights."""
    return [(train, step, TRAIN[BEST]), (validation, step, VALIDATION[BEST])]


KERAS = per_epoch("loss", "val_loss", "accuracy", "val_accuracy")
TRANSFORMERS = per_batch("loss", "eval_loss", epoch="epoch", fraction=True)
END = EPOCHS * BATCHES
CLIENTS = {
    "mlflow.keras": ClientLog(
        [*KERAS, ("validation_loss", 0, 0.25), ("validation_accuracy", 0, 0.9)],
        ("loss", "val_loss"), "epoch",
    ),
    "mlflow.tensorflow": ClientLog(
        [*KERAS, ("stopped_epoch", 0, 11), ("restored_epoch", 0, 2),
         *again("loss", "val_loss", EPOCHS)],
        ("loss", "val_loss"), "epoch",
    ),
    "mlflow.pytorch": ClientLog(
        [*per_epoch("train_loss", "train_loss_step"), *per_epoch("train_loss_epoch", "val_loss"),
         ("stopped_epoch", 0, 11), ("wait_count", 0, 9)],
        ("train_loss_epoch", "val_loss"), "epoch",
    ),
    "SummaryWriter": ClientLog(
        per_batch("Loss/train", "Loss/valid", epoch=None, fraction=False),
        ("Loss/train", "Loss/valid"), "step", first=BATCHES,
    ),
    "MLFlowLogger": ClientLog(
        per_batch("train_loss", "val_loss", epoch="epoch", fraction=False),
        ("train_loss", "val_loss"), "epoch",
    ),
    "MLFlowLogger with a prefix": ClientLog(
        per_batch("mine-train_loss", "mine-val_loss", epoch="epoch", fraction=False),
        ("mine-train_loss", "mine-val_loss"), "epoch",
    ),
    "MLflowCallback": ClientLog(
        [*TRANSFORMERS, ("train_loss", END, 0.1), ("train_runtime", END, 60.0),
         ("epoch", END, 12.0), ("eval_loss", END, VALIDATION[BEST])],
        ("loss", "eval_loss"), "epoch", first=1,
    ),
    "TrackioCallback": ClientLog(
        [*per_batch("train/loss", "eval/loss", epoch="train/epoch", fraction=True),
         ("train/train_loss", END, 0.1), ("train/train_runtime", END, 60.0)],
        ("train/loss", "eval/loss"), "epoch", first=1,
    ),
    "xgboost": ClientLog(
        [*per_epoch("validation_0-logloss", "validation_1-logloss"),
         ("stopped_iteration", 0, 11), ("best_iteration", 0, 2),
         *again("validation_0-logloss", "validation_1-logloss", EPOCHS)],
        ("validation_0-logloss", "validation_1-logloss"), "round",
    ),
    "xgboost with names": ClientLog(
        per_epoch("train-logloss", "eval-logloss", "train-auc", "eval-auc"),
        ("train-logloss", "eval-logloss"), "round", params={"num_boost_round": "12"},
    ),
    "lightgbm": ClientLog(
        [*per_epoch("training-binary_logloss", "valid_0-binary_logloss"),
         ("stopped_iteration", 0, 11), ("best_iteration", 0, 2),
         *again("training-binary_logloss", "valid_0-binary_logloss", EPOCHS)],
        ("training-binary_logloss", "valid_0-binary_logloss"), "round",
    ),
    "ultralytics": ClientLog(
        [(f"{part}/{loss}_loss", epoch, value / 2)
         for epoch in range(EPOCHS)
         for part, value in (("train", TRAIN[epoch]), ("val", VALIDATION[epoch]))
         for loss in ("box", "cls")],
        ("train/box_loss + train/cls_loss", "val/box_loss + val/cls_loss"), "epoch",
    ),
    "system metrics": ClientLog(
        [*per_epoch("train/loss", "test/loss"),
         *(("system/gpu_0_loss", step, 1.0) for step in range(100))],
        ("train/loss", "test/loss"), "epoch",
    ),
}  # fmt: skip
"""By client."""
