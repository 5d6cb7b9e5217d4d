"""What is kept of a model: its weights, its fit as a picture needs it, and the data beside it."""

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors
from torch import Tensor

from worker.training import basis
from worker.training.member import Member
from worker.training.pictures import draw

MAX_SAMPLES = 500


@dataclass(frozen=True)
class Snapshot:
    """A model at one epoch: a safetensors file of its weights, and one of its fit if drawable."""

    kind: Literal["best", "last"]
    epoch: int
    weights: bytes
    fit: bytes | None


def take(member: Member, kind: Literal["best", "last"]) -> Snapshot | None:
    """Return the member's best or last snapshot; None before there is one."""
    epoch = member.best_epoch if kind == "best" else member.epoch
    if epoch == 0:
        return None
    weights = member.best if kind == "best" else member.model.state_dict()
    return Snapshot(kind, epoch, _weights(member, weights, epoch), _fit(member, weights))


def _weights(member: Member, weights: dict[str, Tensor], epoch: int) -> bytes:
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
    return save_tensors({k: v.cpu().contiguous() for k, v in weights.items()}, metadata)


@torch.no_grad()
def _fit(member: Member, weights: dict[str, Tensor]) -> bytes | None:
    picture, features = member.picture
    if picture is None:
        return None
    member.model.eval()
    outputs = torch.func.functional_call(member.model, weights, (features,))
    return save_arrays(draw(picture, outputs.cpu().numpy().astype(np.float64)))


def samples(member: Member) -> bytes | None:
    """Return the first training and validation samples, raw; None beyond two inputs."""
    data = member.data
    if data.train.x.shape[1] > 2:
        return None
    arrays = {
        "train_x": data.train.x[:MAX_SAMPLES],
        "train_y": data.train.y[:MAX_SAMPLES].reshape(-1),
        "validation_x": data.validation.x[:MAX_SAMPLES],
        "validation_y": data.validation.y[:MAX_SAMPLES].reshape(-1),
    }
    wrong = data.mislabelled[:MAX_SAMPLES].astype(np.uint8)
    kept = {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
    return save_arrays({**kept, "train_mislabelled": wrong})
