"""What is kept of a model: its weights, its fit as a picture needs it, and the data beside it."""

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

MAX_SAMPLES = 500


@dataclass(frozen=True)
class Snapshot:
    """A model at one epoch: a safetensors file of its weights, and one of its fit if drawable."""

    kind: Kind
    epoch: int
    weights: bytes
    fit: bytes | None


def take(member: Member, weights: Mapping[str, Tensor], kind: Kind) -> Snapshot:
    """Return the member's best or last snapshot, with the weights it had then."""
    epoch = member.best_epoch if kind == "best" else member.epoch
    # copied, as products round by where in memory a matrix lies
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
    """Return a model's fit as a picture needs it; None where nothing can be drawn."""
    picture, features = member.picture
    if picture is None:
        return None
    outputs = predict(member.spec, weights, torch.tensor(features))  # copied, as above
    return save(draw(picture, outputs.numpy().astype(np.float64), member.spec.training.loss))


def samples(member: Member) -> bytes | None:
    """Return the first samples of training and validation, raw, and the axes of frames.

    Classes come with which of their labels are wrong. None where nothing can be drawn.
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
    kept = {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
    if member.classifies:
        kept["train_mislabelled"] = data.mislabelled[:MAX_SAMPLES].astype(np.uint8)
    return save({**kept, **frames.axes(member)})
