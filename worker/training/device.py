"""The device that a worker trains on, chosen once when its process starts, and its memory."""

import ctypes
import gc
from typing import Literal

import torch

from backend.errors import Unavailable

USABLE_FRACTION = 0.9  # of a GPU's free memory: the rest is lost to fragmentation

_MESSAGES = (
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "alloc_failed",
)


def choose_device(*, gpu: bool = True) -> torch.device:
    """Return the GPU if it is available and requested, else the CPU limited to one thread.

    One thread is enough because the models are small, and it makes sums independent of the number
    of cores.
    """
    if gpu and torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_num_threads(1)
    return torch.device("cpu")


def find_device(wanted: str) -> torch.device:
    """Return the device for a value of LAB_DEVICE. Raises Unavailable if it is missing."""
    if wanted == "gpu" and not torch.cuda.is_available():
        raise Unavailable("LAB_DEVICE is gpu, but PyTorch finds no CUDA device here.")
    return choose_device(gpu=wanted != "cpu")


def device_kind(device: torch.device) -> Literal["cpu", "gpu"]:
    """Return the kind of a device, as experiments name it."""
    return "gpu" if device.type == "cuda" else "cpu"


def hardware_name(device: torch.device) -> str:
    """Return the name of the hardware, for people."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} thread"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, which PyTorch reports in several ways."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(message in text for message in _MESSAGES)


def available_bytes(device: torch.device, *, setting: int) -> int:
    """Return the memory for training in bytes: free memory of a GPU, else the given setting."""
    if device.type != "cuda":
        return setting
    free, _ = torch.cuda.mem_get_info(device)
    return int(USABLE_FRACTION * free)


def release(device: torch.device) -> None:
    """Return unused memory to the device and to the operating system.

    The C library keeps freed memory in pieces that seldom fit the next size of model: without this,
    a worker that trained 60 small experiments one after the other grew by 100 MB. The call takes
    about 10 ms.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    # glibc only: other C libraries return memory by themselves
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
