"""Checkpoints: a member's whole training state as safetensors bytes, and back. No pickle."""

from collections.abc import Mapping

import torch
from safetensors.torch import load, save
from torch import Tensor

from worker.training.member import Member


def dump(member: Member, state: Mapping[str, Tensor]) -> bytes:
    """Return the state after the member's last whole epoch.

    No generator states: every draw is a function of seed and epoch.
    """
    progress = {
        "epoch": torch.tensor(member.epoch),
        "best_epoch": torch.tensor(member.best_epoch),
        "best_loss": torch.tensor(member.best_loss, dtype=torch.float64),
    }
    trained = {f"state/{name}": value.cpu().contiguous() for name, value in state.items()}
    return save({**progress, **trained})


def restore(member: Member, checkpoint: bytes) -> Mapping[str, Tensor]:
    """Bring a fresh member to where it was when dumped; return the state that was dumped."""
    tensors = load(checkpoint)
    member.epoch = int(tensors["epoch"])
    member.best_epoch = int(tensors["best_epoch"])
    member.best_loss = float(tensors["best_loss"])
    return {
        name.removeprefix("state/"): value
        for name, value in tensors.items()
        if name.startswith("state/")
    }
