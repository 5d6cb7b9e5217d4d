"""Analysis of an experiment's grid, and bias and variance of its cells, from the database."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Literal

import numpy as np
from cachetools import LRUCache, cached
from safetensors.numpy import load
from sqlalchemy.orm import Session

from backend import work_budget
from backend.analysis.bias_variance import Split, Targets, cross_entropy, squared
from backend.analysis.cells import SEED, TARGET_NOISE, cell_key, group_by
from backend.analysis.measured_cells import PartLosses, RunResult
from backend.analysis.report import GridReport, analyse
from backend.runs.run_settings import RunSettings, settings_of
from backend.series import FloatArray, Series
from backend.specification.data_sources import SOURCES
from backend.specification.hyperparameters import dataset, training
from backend.specification.params import JsonObject, Params
from backend.store import artifacts, experiments, metric_summaries, metrics, runs
from backend.store.tables import Run

MAX_CACHED_REPORTS = 16
HALVINGS = 4  # the lowest loss is taken within all, 1/2, 1/4, 1/8 and 1/16 of the epochs

_PARTS = ("train", "val", "test")
_LOSSES = tuple(f"{part}_loss" for part in _PARTS)
SUMMARISED = (*_LOSSES, *(f"{part}_accuracy" for part in _PARTS))


def grid_report(session: Session, experiment_id: int, *, target: float | None = None) -> GridReport:
    """Analyse the finished runs of an experiment. Raises NotFound.

    A report depends on the finished runs alone, and is cached until another run finishes.
    """
    experiments.get(session, experiment_id)
    finished = finished_runs(session, experiment_id)
    return _report(session, finished, target)


def finished_runs(session: Session, experiment_id: int) -> list[Run]:
    """Return the runs of an experiment that have finished, in the order of its grid."""
    return [run for run in runs.of_experiment(session, experiment_id) if run.status == "finished"]


def identity(session: Session, finished: Sequence[Run]) -> tuple[Hashable, ...]:
    """Return the cache key of results that depend on finished runs alone.

    External runs are diagnosed again when a person chooses other losses, and compared otherwise
    when a person chooses other roles of their params.
    """
    url = str(session.get_bind().engine.url)
    owners = experiments.by_ids(session, {run.experiment_id for run in finished})
    choices = tuple((owner.id, repr(owner.pairing), repr(owner.roles)) for owner in owners)
    return url, choices, tuple((run.id, run.ended_at, run.epoch) for run in finished)


def _report_key(
    session: Session, finished: Sequence[Run], target: float | None
) -> tuple[Hashable, ...]:
    return *identity(session, finished), target


# the charts of a page request the same report at once: the condition lets one compute it
@cached(LRUCache(MAX_CACHED_REPORTS), key=_report_key, condition=Condition())
def _report(session: Session, finished: Sequence[Run], target: float | None) -> GridReport:
    return analyse(_results(session, finished), target=target)


def _results(session: Session, finished: Sequence[Run]) -> list[RunResult]:
    ids = [run.id for run in finished]
    summaries = metric_summaries.summaries(session, ids, SUMMARISED)
    at_best = metric_summaries.values_at_best(session, ids, _LOSSES)
    val_losses = metrics.curves_of(session, ids, ["val_loss"])
    settings = settings_of(session, finished)
    results = (
        _result(run, settings[run.id], summaries[run.id], at_best[run.id], losses["val_loss"])
        for run, losses in zip(finished, val_losses.values(), strict=True)
    )
    return [result for result in results if result is not None]


def _result(
    run: Run,
    settings: RunSettings,
    summary: Mapping[str, JsonObject],
    best: Mapping[str, float | None],
    val_loss: Series,
) -> RunResult | None:
    """Return the results of a run, None without any finite validation loss."""
    work_budget.check()
    lowest = summary.get("val_loss", {}).get("min_step")
    if lowest is None:
        return None
    source = settings.params.get(dataset.SOURCE.path)
    last = [summary.get(key, {}).get("last") for key in _LOSSES]
    accuracies = [summary.get(f"{part}_accuracy", {}).get("last") for part in _PARTS]
    errors = [None if accuracy is None else 1 - accuracy for accuracy in accuracies]
    return RunResult(
        params=settings.params,
        parameters=settings.parameters,
        epochs=val_loss.length or run.epoch,
        best_epoch=lowest,
        best=PartLosses(*(best.get(key) for key in _LOSSES)),
        final=PartLosses(*last),
        reference_loss=run.reference_loss,
        errors=None if errors[0] is None else PartLosses(*errors),
        outputs=SOURCES[str(source)].outputs if source in SOURCES else 1,
        reached=_reached(val_loss),
    )


def _reached(val_loss: Series) -> dict[int, float]:
    """Return the lowest validation loss within all, half, a quarter, ... of the epochs."""
    if not len(val_loss):
        return {}
    counted = val_loss.counted_from_one
    lowest = Series(counted.steps, np.fmin.accumulate(counted.values))
    epochs = {max(1, counted.length >> halving) for halving in range(HALVINGS + 1)}
    losses = {epoch: lowest.at(epoch) for epoch in sorted(epochs)}
    return {epoch: loss for epoch, loss in losses.items() if loss is not None}


MAX_CACHED_EXPERIMENTS = 8
MIN_SEEDS = 2
SplitLoss = Literal["squared error", "cross-entropy"]


@dataclass(frozen=True)
class EpochSplit:
    """The split of the models' error after one epoch."""

    epoch: int
    split: Split


@dataclass(frozen=True)
class CellSplit:
    """Bias and variance over the seeds of one cell, at the same `inputs` test samples.

    `best` takes each model at its own best epoch, `last` at its last one. `noise` is the variance
    of the noise in regression targets, which adds to the error measured on noisy targets. It is
    None if the noise is unknown and part of the bias.
    """

    params: Params
    parameters: int
    loss: SplitLoss
    inputs: int
    noise: float | None
    best: Split
    last: Split
    epochs: Sequence[EpochSplit]


def bias_variance(session: Session, experiment_id: int) -> list[CellSplit]:
    """Split the error of every cell with two finished seeds or more. Raises NotFound.

    The result is cached until another run finishes. A cell is left out if its models did not
    predict the same samples.
    """
    experiments.get(session, experiment_id)
    finished = finished_runs(session, experiment_id)
    return _splits(session, finished)


@cached(LRUCache(MAX_CACHED_EXPERIMENTS), key=identity, condition=Condition())
def _splits(session: Session, finished: Sequence[Run]) -> list[CellSplit]:
    splits = []
    with_models = [run for run in finished if SEED in run.params]  # external runs have none here
    for group in group_by(with_models, lambda run: cell_key(run.params)):
        by_seed: dict[int, Run] = {}  # variants with the same hyperparameters share seeds
        for run in group:
            by_seed.setdefault(run.params[SEED], run)
        if len(by_seed) >= MIN_SEEDS:
            splits.append(_cell(session, list(by_seed.values())))
    return [split for split in splits if split is not None]


@dataclass(frozen=True)
class _Predictions:
    """The predictions of one run by epoch, [inputs, outputs] each, and their targets."""

    outputs: Mapping[int, FloatArray]
    targets: Targets
    inputs: bytes
    best_epoch: int
    last_epoch: int


def _cell(session: Session, group: Sequence[Run]) -> CellSplit | None:
    work_budget.check()
    ids = [run.id for run in group]
    blobs = artifacts.predictions_of(session, ids)
    summaries = metric_summaries.summaries(session, ids)
    models = []
    for run in group:
        best = summaries[run.id].get("val_loss", {}).get("min_step")
        if blobs[run.id] and best is not None:
            models.append(_predictions(blobs[run.id], int(best), run.epoch))
    inputs = {model.inputs for model in models}
    complete = all({model.best_epoch, model.last_epoch} <= model.outputs.keys() for model in models)
    if len(models) < MIN_SEEDS or len(inputs) != 1 or not complete:
        return None
    return _split_cell(group[0], models)


def _predictions(blobs: Mapping[int, bytes], best: int, last: int) -> _Predictions:
    files = {epoch: load(blob) for epoch, blob in blobs.items()}
    first = next(iter(files.values()))
    outputs = {epoch: file["outputs"].astype(np.float64) for epoch, file in files.items()}
    return _Predictions(outputs, first["targets"], first["inputs"].tobytes(), best, last)


def _split_cell(run: Run, models: Sequence[_Predictions]) -> CellSplit:
    params, source = run.params, SOURCES[run.params[dataset.SOURCE.path]]
    classifies = source.problem == "classification"
    loss: SplitLoss = (
        "cross-entropy" if params.get(training.LOSS.path) == "cross_entropy" else "squared error"
    )
    targets = models[0].targets

    def split(outputs: Sequence[FloatArray]) -> Split:
        work_budget.check()
        stacked = np.stack(outputs)
        if loss == "cross-entropy":
            return cross_entropy(_log_softmax(stacked), targets)
        one_hot = np.eye(stacked.shape[2])[targets] if classifies else targets
        return squared(stacked, one_hot)

    epochs = sorted(set.intersection(*(set(model.outputs) for model in models)))
    noise = params.get(TARGET_NOISE)
    return CellSplit(
        params={path: value for path, value in params.items() if path != SEED},
        parameters=run.parameters,
        loss=loss,
        inputs=len(targets),
        noise=None if classifies or source.rows else (noise or 0) ** 2,
        best=split([model.outputs[model.best_epoch] for model in models]),
        last=split([model.outputs[model.last_epoch] for model in models]),
        epochs=[EpochSplit(e, split([model.outputs[e] for model in models])) for e in epochs],
    )


def _log_softmax(logits: FloatArray) -> FloatArray:
    shifted = logits - logits.max(axis=2, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True)))
