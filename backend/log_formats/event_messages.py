"""The scalars in an Event message of TensorBoard: fields of protocol buffers."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
EVENT_TIME, EVENT_STEP, EVENT_SUMMARY = 1, 2, 5
SUMMARY_VALUE = 1
VALUE_TAG, VALUE_SIMPLE, VALUE_TENSOR = 1, 2, 8
TENSOR_DTYPE, TENSOR_CONTENT, TENSOR_FLOATS, TENSOR_DOUBLES = 1, 4, 5, 6
FLOAT, DOUBLE = 1, 2
SIGN_BIT = 1 << 63  # the lowest 64 bits of a varint are an int64

WireField = tuple[int, int, bytes | int]
"""Number, wire type and value of a field of a protocol buffer."""


class Scalar(NamedTuple):
    """A value of a tag at a step; `time` is the Unix time in seconds, 0 if the event has none."""

    tag: str
    step: int
    value: float
    time: float


def scalars(event: bytes) -> Iterator[Scalar]:
    """Yield the scalars of an event. Raises ValueError, IndexError or struct.error if damaged."""
    step, summary, time = 0, b"", 0.0
    for field, kind, value in _fields(event):
        if field == EVENT_STEP and isinstance(value, int):
            step = (value + SIGN_BIT) % (2 * SIGN_BIT) - SIGN_BIT
        elif field == EVENT_SUMMARY and kind == BYTES and isinstance(value, bytes):
            summary = value
        elif field == EVENT_TIME and kind == FIXED64 and isinstance(value, bytes):
            (time,) = struct.unpack("<d", value)
    for field, kind, value in _fields(summary):
        if field == SUMMARY_VALUE and kind == BYTES and isinstance(value, bytes):
            tag, number = _value(value)
            if number is not None:
                yield Scalar(tag, step, number, time)


def _value(message: bytes) -> tuple[str, float | None]:
    tag, number = "", None
    for field, kind, value in _fields(message):
        if field == VALUE_TAG and isinstance(value, bytes):
            tag = value.decode()
        elif field == VALUE_SIMPLE and kind == FIXED32 and isinstance(value, bytes):
            (number,) = struct.unpack("<f", value)
        elif field == VALUE_TENSOR and isinstance(value, bytes):
            number = _tensor(value)
    return tag, number


def _tensor(message: bytes) -> float | None:
    """Return the value of a tensor of one number, None for any other tensor."""
    dtype, packed = 0, b""
    for field, _, value in _fields(message):
        if field == TENSOR_DTYPE and isinstance(value, int):
            dtype = value
        elif field in (TENSOR_CONTENT, TENSOR_FLOATS, TENSOR_DOUBLES) and isinstance(value, bytes):
            packed = value
    layout = {FLOAT: "<f", DOUBLE: "<d"}.get(dtype)
    if layout is None or len(packed) != struct.calcsize(layout):
        return None
    return float(struct.unpack(layout, packed)[0])


def _fields(message: bytes) -> Iterator[WireField]:
    """Yield number, wire type and value of each field of a message."""
    at, end = 0, len(message)
    while at < end:
        key = message[at]
        at += 1
        if key >= 0x80:
            key, at = _varint(message, at - 1)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield key >> 3, kind, value
            continue
        if kind == BYTES:
            size, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError
        if at + size > end:
            raise ValueError
        yield key >> 3, kind, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the variable-length integer at an offset, and the offset after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError
