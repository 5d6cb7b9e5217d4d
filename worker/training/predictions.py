"""What a model answers to the first test samples, which are the same for every seed.

Bias and variance are told from these: they compare models trained on different training sets at
the very same inputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor

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


def take(member: Member, weights: Mapping[str, Tensor], epoch: int) -> Prediction | None:
    """Return what a model with these weights answers; None where an answer is not finite."""
    test = noise_free_test(member.spec)
    x = test.x[:MAX_INPUTS]
    on_host = {name: value.cpu() for name, value in weights.items()}
    outputs = predict(member.spec, on_host, torch.tensor(member.features(x))).numpy()
    if not np.isfinite(outputs).all():
        return None
    half = member.classifies and np.abs(outputs).max() < HALF_RANGE
    targets = test.y[:MAX_INPUTS]
    digest = np.frombuffer(sha256(x.tobytes()).digest()[:8], dtype=np.uint8)
    arrays = {
        "outputs": outputs.astype(np.float16 if half else np.float32),
        "targets": targets.astype(np.int16 if member.classifies else np.float32),
        "inputs": digest,
    }
    return Prediction(epoch, save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))
