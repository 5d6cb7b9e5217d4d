"""Predictions for the first test samples, which are the same for every seed.

Bias and variance are computed from them: they compare models that were trained on different
training sets at exactly the same inputs.
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
from worker.training.architectures import predict
from worker.training.data import noise_free_test
from worker.training.member import GroupMember

MAX_INPUTS = 200  # test samples
HALF_RANGE = 1000.0  # classifier outputs up to this magnitude are stored in half precision


@dataclass(frozen=True)
class PredictionFile:
    """A model's outputs at one epoch, as a safetensors file.

    It holds `outputs` [inputs, outputs], `targets` (classes [inputs], or noise-free values [inputs,
    outputs]) and `inputs`, a digest of the inputs. Two files are comparable if their digests are
    equal.
    """

    epoch: int
    outputs: bytes


def records_at(epoch: int) -> bool:
    """Return whether to record predictions at this epoch as well as at the best and the last.

    These are the epochs 1, 2, 4, 8 and so on.
    """
    return epoch & (epoch - 1) == 0


def features(member: GroupMember) -> Array:
    """Return the model inputs for the first test samples [inputs, features]."""
    return member.features(_test_samples(member.spec)["x"])


def of_best(member: GroupMember, weights: Mapping[str, Tensor]) -> PredictionFile | None:
    """Encode the predictions of a member's best model, given its weights; None as in `encode`."""
    on_host = {name: value.cpu() for name, value in weights.items()}
    outputs = predict(member.spec, on_host, torch.tensor(features(member)))
    return encode(member, outputs.numpy(), member.best_epoch) if member.best_epoch else None


def encode(member: GroupMember, outputs: Array, epoch: int) -> PredictionFile | None:
    """Encode the outputs [inputs, outputs] of an epoch; None if any of them is not finite."""
    if not np.isfinite(outputs).all():
        return None
    half = member.classifies and np.abs(outputs).max() < HALF_RANGE
    samples = _test_samples(member.spec)
    arrays = {
        "outputs": outputs.astype(np.float16 if half else np.float32),
        "targets": samples["y"].astype(np.int16 if member.classifies else np.float32),
        "inputs": samples["digest"],
    }
    return PredictionFile(epoch, save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))


@cached(LRUCache(64), key=lambda spec: spec.dataset)
def _test_samples(spec: RunSpec) -> dict[str, Array]:
    """Return the first test samples x and y and a digest of x: the same for every seed."""
    test = noise_free_test(spec)
    x = test.x[:MAX_INPUTS]
    digest = np.frombuffer(sha256(x.tobytes()).digest()[:8], dtype=np.uint8)
    return {"x": x, "y": test.y[:MAX_INPUTS], "digest": digest}
