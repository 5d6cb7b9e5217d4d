"""Found runs as bytes, on their way from the process that reads logs to the web process."""

from collections.abc import Sequence
from typing import Any, get_origin

import msgspec
import numpy as np

from backend.imports.found_runs import FoundRun


class Reading(msgspec.Struct, frozen=True):
    """The result of reading an upload: its runs, or the sentence that refuses it."""

    runs: Sequence[FoundRun] = ()
    refusal: str = ""


def encode(reading: Reading) -> bytes:
    """Return a result as bytes."""
    return msgspec.msgpack.encode(reading, enc_hook=_packed)


def decode(data: bytes) -> Reading:
    """Return the result from its bytes. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=Reading, dec_hook=_unpacked)


def _packed(array: Any) -> tuple[str, bytes]:
    """Return an array as its type and bytes."""
    return array.dtype.str, array.tobytes()


def _unpacked(kind: type, packed: Any) -> Any:
    """Return an array of whole numbers or floats from its type and bytes."""
    dtype, data = packed
    if get_origin(kind) is not np.ndarray or dtype not in ("<i8", "<f8"):
        raise NotImplementedError
    return np.frombuffer(data, dtype)
