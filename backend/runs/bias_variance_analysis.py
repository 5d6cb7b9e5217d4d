"""Bias and variance of an experiment's cells, from what the models of all seeds answered alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load
from sqlalchemy.orm import Session

from backend.analysis.bias_variance import Split, cross_entropy, squared
from backend.analysis.cells import SEED, cell_key, group_by
from backend.cache import SingleFlightCache
from backend.runs.grid_analysis import finished_runs, identity
from backend.specification.sources import SOURCES
from backend.store import artifacts, experiments, metric_summaries
from backend.store.tables import Run

MAX_KEPT = 8
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
    of the noise in regression targets, which error measured on noisy targets has on top; None
    where it is not known and part of the bias.
    """

    params: dict[str, Any]
    parameters: int
    loss: SplitLoss
    inputs: int
    noise: float | None
    best: Split
    last: Split
    epochs: Sequence[EpochSplit]


_kept: SingleFlightCache[list[CellSplit]] = SingleFlightCache(MAX_KEPT)


def bias_variance(session: Session, experiment_id: int) -> list[CellSplit]:
    """Split the error of every cell with two finished seeds or more. Raises NotFound.

    Kept until another run finishes. A cell whose models were not asked the same is left out.
    """
    experiments.get(session, experiment_id)
    finished = finished_runs(session, experiment_id)
    return _kept.get(identity(session, finished), lambda: _splits(session, finished))


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
class _Answers:
    """What one run answered, by epoch: outputs [inputs, outputs] at `inputs`, and the targets."""

    outputs: Mapping[int, NDArray[Any]]
    targets: NDArray[Any]
    inputs: bytes
    best_epoch: int
    last_epoch: int


def _cell(session: Session, group: Sequence[Run]) -> CellSplit | None:
    ids = [run.id for run in group]
    blobs = artifacts.predictions_of(session, ids)
    summaries = metric_summaries.summaries(session, ids)
    answers = []
    for run in group:
        best = summaries[run.id].get("val_loss", {}).get("min_step")
        if blobs[run.id] and best is not None:
            answers.append(_answers(blobs[run.id], int(best), run.epoch))
    asked = {one.inputs for one in answers}
    whole = all({one.best_epoch, one.last_epoch} <= one.outputs.keys() for one in answers)
    if len(answers) < MIN_SEEDS or len(asked) != 1 or not whole:
        return None
    return _split_cell(group[0], answers)


def _answers(blobs: Mapping[int, bytes], best: int, last: int) -> _Answers:
    files = {epoch: load(blob) for epoch, blob in blobs.items()}
    one = next(iter(files.values()))
    outputs = {epoch: file["outputs"].astype(np.float64) for epoch, file in files.items()}
    return _Answers(outputs, one["targets"], one["inputs"].tobytes(), best, last)


def _split_cell(run: Run, answers: Sequence[_Answers]) -> CellSplit:
    params = run.params
    classifies = SOURCES[params["dataset.source"]].problem == "classification"
    loss: SplitLoss = (
        "cross-entropy" if params.get("training.loss") == "cross_entropy" else "squared error"
    )
    targets = answers[0].targets

    def split(outputs: Sequence[NDArray[Any]]) -> Split:
        stacked = np.stack(outputs)
        if loss == "cross-entropy":
            return cross_entropy(_log_softmax(stacked), targets)
        wanted = np.eye(stacked.shape[2])[targets] if classifies else targets
        return squared(stacked, wanted)

    shared = sorted(set.intersection(*(set(one.outputs) for one in answers)))
    noise = params.get("dataset.target_noise")
    return CellSplit(
        params={path: value for path, value in params.items() if path != SEED},
        parameters=run.parameters,
        loss=loss,
        inputs=len(targets),
        noise=None if classifies or SOURCES[params["dataset.source"]].rows else (noise or 0) ** 2,
        best=split([one.outputs[one.best_epoch] for one in answers]),
        last=split([one.outputs[one.last_epoch] for one in answers]),
        epochs=[EpochSplit(e, split([one.outputs[e] for one in answers])) for e in shared],
    )


def _log_softmax(logits: NDArray[Any]) -> NDArray[Any]:
    shifted = logits - logits.max(axis=2, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True)))
