"""Memory for training: how much there is, and whether an error says that it ran out."""

import ctypes
import gc

import torch

USABLE = 0.9  # of a GPU's free memory: the rest is lost between blocks

_SENTENCES = (
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; PyTorch says so in several ways."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sentence in text for sentence in _SENTENCES)


def available_bytes(device: torch.device, *, setting: int) -> int:
    """Return how many bytes training may take: a GPU's free ones, or else those of the setting."""
    if device.type != "cuda":
        return setting
    free, _ = torch.cuda.mem_get_info(device)
    return int(USABLE * free)


def release(device: torch.device) -> None:
    """Give memory that is no longer used back to the device and to the system.

    The C library keeps what was freed, in pieces that the next sizes of model seldom fit: a worker
    that trained one small experiment after the other grew by 100 MB over 60 of them. To hand it
    back takes some 10 ms.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's: others do so themselves
    if trim is not None:
        trim(0)
