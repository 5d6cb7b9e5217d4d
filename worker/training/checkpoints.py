"""Checkpoints: a member's whole training state as safetensors bytes, and back. No pickle."""

from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from worker.training.member import Member


def dump(member: Member) -> bytes:
    """Return the state after the member's last whole epoch.

    No generator states: every draw is a function of seed and epoch (see Member).
    """
    tensors: dict[str, Tensor] = {
        "epoch": torch.tensor(member.epoch),
        "best_epoch": torch.tensor(member.best_epoch),
        "best_loss": torch.tensor(member.best_loss, dtype=torch.float64),
    }
    for name, value in member.model.state_dict().items():
        tensors[f"model/{name}"] = value
        tensors[f"best/{name}"] = member.best[name]
    for index, slots in member.optimizer.state_dict()["state"].items():
        for slot, value in slots.items():
            if value is not None:
                tensors[f"optimizer/{index}/{slot}"] = value
    return save({name: value.cpu().contiguous() for name, value in tensors.items()})


def restore(member: Member, checkpoint: bytes) -> None:
    """Bring a fresh member to the state that `dump` returned."""
    tensors = load(checkpoint)
    member.epoch = int(tensors["epoch"])
    member.best_epoch = int(tensors["best_epoch"])
    member.best_loss = float(tensors["best_loss"])
    member.model.load_state_dict(_under("model/", tensors))
    member.best = {k: v.to(member.device) for k, v in _under("best/", tensors).items()}
    slots: dict[int, dict[str, Any]] = {}
    for name, value in _under("optimizer/", tensors).items():
        index, slot = name.split("/")
        slots.setdefault(int(index), {})[slot] = value
    groups = member.optimizer.state_dict()["param_groups"]
    member.optimizer.load_state_dict({"state": slots, "param_groups": groups})


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
