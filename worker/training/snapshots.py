"""Snapshots: the weights of a model at one epoch, its fit as a grid of values, and the samples."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor

from worker.training import basis, frames
from worker.training.checkpoints import on_host
from worker.training.ensemble import Kind
from worker.training.member import Member
from worker.training.models import predict
from worker.training.pictures import draw

MAX_SAMPLES = 500  # of training and of validation, drawn with a fit


@dataclass(frozen=True)
class Snapshot:
    """A model at one epoch: a safetensors file of its weights and, if drawable, one of its fit."""

    kind: Kind
    epoch: int
    weights: bytes
    fit: bytes | None


def take(member: Member, weights: Mapping[str, Tensor], kind: Kind) -> Snapshot:
    """Return the snapshot of a member's best or last model, given its weights."""
    epoch = member.best_epoch if kind == "best" else member.epoch
    # copied, because products round differently by where a matrix lies in memory
    tensors = {name: value.cpu().clone().contiguous() for name, value in weights.items()}
    arrays = {name: on_host(value) for name, value in tensors.items()}
    return Snapshot(kind, epoch, save(arrays, _metadata(member, epoch)), fit(member, tensors))


def _metadata(member: Member, epoch: int) -> dict[str, str]:
    scaling, spec = member.data.scaling, member.spec
    metadata = {
        "run_spec": json.dumps(spec.params()),
        "epoch": str(epoch),
        "input_mean": json.dumps(scaling.mean.tolist()),
        "input_scale": json.dumps(scaling.scale.tolist()),
    }
    if spec.model.degree is not None:
        terms = basis.terms(len(scaling.mean), spec.model.degree)
        metadata |= {"basis": "legendre / (2 k + 1)", "terms": json.dumps(terms)}
    return metadata


def fit(member: Member, weights: Mapping[str, Tensor]) -> bytes | None:
    """Return the fit of a model on its grid; None if it cannot be drawn."""
    picture, features = member.picture
    if picture is None:
        return None
    outputs = predict(member.spec, weights, torch.tensor(features))  # copied, as above
    return save(draw(picture, outputs.numpy().astype(np.float64), member.spec.training.loss))


def samples(member: Member) -> bytes | None:
    """Return the first training and validation samples, in raw units, and the axes of frames.

    Classification data include which training labels are wrong. None if the fit cannot be drawn.
    """
    data = member.data
    if not member.drawable:
        return None
    arrays = {
        "train_x": data.train.x[:MAX_SAMPLES],
        "train_y": data.train.y[:MAX_SAMPLES].reshape(-1),
        "validation_x": data.validation.x[:MAX_SAMPLES],
        "validation_y": data.validation.y[:MAX_SAMPLES].reshape(-1),
    }
    contiguous = {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
    if member.classifies:
        contiguous["train_mislabelled"] = data.mislabelled[:MAX_SAMPLES].astype(np.uint8)
    return save({**contiguous, **frames.axes(member)})
