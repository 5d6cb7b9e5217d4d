"""What a model answers to the first test samples, which are the same for every seed.

Bias and variance are told from these: they compare models trained on different training sets at
the very same inputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from cachetools import LRUCache, cached
from safetensors.numpy import save
from torch import Tensor

from backend.datasets.sequences import Array
from backend.specification.run_spec import RunSpec
from worker.training.data import noise_free_test
from worker.training.member import Member
from worker.training.models import predict

MAX_INPUTS = 200
HALF_RANGE = 1000.0  # classifiers' outputs within it are kept in half precision


@dataclass(frozen=True)
class Prediction:
    """A model's outputs at one epoch, as a safetensors file.

    It holds `outputs` [inputs, outputs], `targets` (classes [inputs], or noise-free values
    [inputs, outputs]) and `inputs`, a digest of the inputs that tells whether two files compare.
    """

    epoch: int
    outputs: bytes


def asked_at(epoch: int) -> bool:
    """Whether predictions are recorded at this epoch beside the best and the last: 1, 2, 4, ..."""
    return epoch & (epoch - 1) == 0


def features(member: Member) -> Array:
    """Return what a model takes for the first test samples [inputs, features]."""
    return member.features(_asked(member.spec)["x"])


def of_best(member: Member, weights: Mapping[str, Tensor]) -> Prediction | None:
    """Return what a member's best model, with these weights, answers; None as with `encode`."""
    on_host = {name: value.cpu() for name, value in weights.items()}
    outputs = predict(member.spec, on_host, torch.tensor(features(member)))
    return encode(member, outputs.numpy(), member.best_epoch) if member.best_epoch else None


def encode(member: Member, outputs: Array, epoch: int) -> Prediction | None:
    """Return the answers [inputs, outputs] of an epoch; None where one is not finite."""
    if not np.isfinite(outputs).all():
        return None
    half = member.classifies and np.abs(outputs).max() < HALF_RANGE
    asked = _asked(member.spec)
    arrays = {
        "outputs": outputs.astype(np.float16 if half else np.float32),
        "targets": asked["y"].astype(np.int16 if member.classifies else np.float32),
        "inputs": asked["digest"],
    }
    return Prediction(epoch, save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))


@cached(LRUCache(64), key=lambda spec: spec.dataset)
def _asked(spec: RunSpec) -> dict[str, Array]:
    """Return the samples that are asked about, x and y, and a digest of x. No seed's own."""
    test = noise_free_test(spec)
    x = test.x[:MAX_INPUTS]
    digest = np.frombuffer(sha256(x.tobytes()).digest()[:8], dtype=np.uint8)
    return {"x": x, "y": test.y[:MAX_INPUTS], "digest": digest}
