"""The device a worker trains on: chosen once, when the process starts."""

from typing import Literal

import torch

from backend.errors import Unavailable
from worker.training.group import choose_device


def chosen(wanted: str) -> torch.device:
    """Return the device that the setting LAB_DEVICE names. Raises Unavailable."""
    if wanted == "gpu" and not torch.cuda.is_available():
        raise Unavailable("LAB_DEVICE is gpu, but PyTorch finds no CUDA device here.")
    return choose_device(gpu=wanted != "cpu")


def kind(device: torch.device) -> Literal["cpu", "gpu"]:
    """Return a device as an experiment names it."""
    return "gpu" if device.type == "cuda" else "cpu"


def hardware(device: torch.device) -> str:
    """Name a device as people do."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} thread"
