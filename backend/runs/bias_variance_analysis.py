"""Bias and variance of an experiment's cells, from the predictions of the models of all seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from safetensors.numpy import load
from sqlalchemy.orm import Session

from backend.analysis.bias_variance import Split, Targets, cross_entropy, squared
from backend.analysis.cells import SEED, TARGET_NOISE, cell_key, group_by
from backend.cache import SingleFlightCache
from backend.runs.grid_analysis import finished_runs, identity
from backend.series import FloatArray
from backend.specification.hyperparameters import dataset, training
from backend.specification.params import Params
from backend.specification.sources import SOURCES
from backend.store import artifacts, experiments, metric_summaries
from backend.store.tables import Run

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


_splits_cache: SingleFlightCache[list[CellSplit]] = SingleFlightCache(MAX_CACHED_EXPERIMENTS)


def bias_variance(session: Session, experiment_id: int) -> list[CellSplit]:
    """Split the error of every cell with two finished seeds or more. Raises NotFound.

    The result is cached until another run finishes. A cell is left out if its models did not
    predict the same samples.
    """
    experiments.get(session, experiment_id)
    finished = finished_runs(session, experiment_id)
    return _splits_cache.get(identity(session, finished), lambda: _splits(session, finished))


def _splits(session: Session, finished: Sequence[Run]) -> list[CellSplit]:
    splits = []
    for group in group_by(finished, lambda run: cell_key(run.params)):
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
