"""Checkpoints: a member's whole training state as safetensors bytes, never pickle."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from safetensors.torch import load
from torch import Tensor

from worker.training.member import Member


def on_host(value: Tensor) -> NDArray[Any]:
    """Return a tensor as a contiguous array, which safetensors saves far faster than a tensor."""
    return np.ascontiguousarray(value.cpu().numpy())


def dump(member: Member, state: Mapping[str, Tensor]) -> bytes:
    """Serialise the state after the member's last complete epoch.

    The state of random generators is not part of it, because every draw is a function of seed and
    epoch.
    """
    progress = {
        "epoch": np.array(member.epoch),
        "best_epoch": np.array(member.best_epoch),
        "best_loss": np.array(member.best_loss),
    }
    trained = {f"state/{name}": on_host(value) for name, value in state.items()}
    return save({**progress, **trained})


def restore(member: Member, checkpoint: bytes) -> Mapping[str, Tensor]:
    """Restore the progress of a new member from a checkpoint; return the training state."""
    tensors = load(checkpoint)
    member.epoch = int(tensors["epoch"])
    member.best_epoch = int(tensors["best_epoch"])
    member.best_loss = float(tensors["best_loss"])
    return {
        name.removeprefix("state/"): value
        for name, value in tensors.items()
        if name.startswith("state/")
    }
