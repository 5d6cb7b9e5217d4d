"""What is kept of a model: its weights, its fit as a picture needs it, and the data beside it."""

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors
from torch import Tensor

from worker.training.member import Member
from worker.training.models import exponents
from worker.training.sources import Array

CURVE_POINTS = 241
PLANE_POINTS = 81
MARGIN = 0.05  # of the range of the data, on every side of the picture
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
        degrees = exponents(len(scaling.mean), spec.model.degree)
        metadata |= {"basis": "legendre / (2 k + 1)", "exponents": json.dumps(degrees)}
    return save_tensors({k: v.cpu().contiguous() for k, v in weights.items()}, metadata)


def _fit(member: Member, weights: dict[str, Tensor]) -> bytes | None:
    """Evaluate the model over the picture: a curve, or the plane of two inputs and two classes."""
    x = np.concatenate([member.data.train.x, member.data.validation.x])
    if x.shape[1] == 1:
        line = _axis(x[:, 0], CURVE_POINTS)
        curve = {"x": line, "prediction": _predict(member, weights, line[:, None])[:, 0]}
        return save_arrays({name: value.astype(np.float32) for name, value in curve.items()})
    if x.shape[1] == 2:
        across, up = _axis(x[:, 0], PLANE_POINTS), _axis(x[:, 1], PLANE_POINTS)
        plane = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
        logits = _predict(member, weights, plane)
        # the last class against the first: the probability of class 1 of two
        odds = np.clip(logits[:, 0] - logits[:, 1], -80, 80)
        probability = (1 / (1 + np.exp(odds))).reshape(len(up), len(across))
        axes = {"x": across.astype(np.float32), "y": up.astype(np.float32)}
        return save_arrays({**axes, "probability": probability.astype(np.float16)})
    return None


def _axis(values: Array, points: int) -> Array:
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low or 1.0)
    return np.linspace(low - margin, high + margin, points)


@torch.no_grad()
def _predict(member: Member, weights: dict[str, Tensor], x: Array) -> Array:
    member.model.eval()
    made = torch.func.functional_call(member.model, weights, (member.features(x),))
    return np.asarray(made.cpu().numpy(), dtype=np.float64)


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
