"""TensorBoard event files: scalars from TFRecords of protocol buffers, without TensorFlow.

The formats are TFRecord (length, masked CRC-32C, data, CRC) and the messages Event, Summary, Value
and TensorProto of tensorflow/core (event.proto, summary.proto, tensor.proto). Files are read piece
by piece, so their size does not matter.
"""

import io
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from backend import work_budget
from backend.log_formats.event_messages import Scalar, scalars
from backend.log_formats.history import History, Unreadable
from backend.log_formats.limits import log_limits
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.logged import history_of_points
from backend.pairing.logged_points import LoggedPoints
from backend.series import Series

HEADER_BYTES = 12  # of a record: its length (8) and the checksum of the length (4)
CHECKSUM_BYTES = 4  # after the data
MAX_RECORD_BYTES = 64 << 20
MAX_SCALAR_BYTES = 1 << 20  # larger records hold images; records of scalars have about 100 bytes
PIECE_BYTES = 1 << 20
MAX_TAGS = 20_000
MASK = 0xA282EAD8


@dataclass
class _Points:
    """Steps, times in milliseconds and values of a tag."""

    steps: "array[int]" = field(default_factory=lambda: array("q"))
    times: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))


def is_events(data: bytes) -> bool:
    """Return whether data begin with a TFRecord: with a length and its checksum."""
    return len(data) >= HEADER_BYTES and _length(data, 0) is not None


def read_events(data: bytes) -> dict[str, Series]:
    """Return the scalars of the content of an event file by tag. Raises Unreadable."""
    return {
        tag: Series.from_mapping(dict(zip(each.steps.tolist(), each.values.tolist(), strict=True)))
        for tag, each in read_points(io.BytesIO(data)).items()
    }


def read_event_file(file: LogFile) -> dict[str, LoggedPoints]:
    """Return the points of the scalars of an event file by tag. Raises Unreadable."""
    limits = log_limits()
    if isinstance(file.content, Path):
        file.check_size(limits.max_log_file_bytes, "LAB_MAX_LOG_FILE_BYTES")
        with file.content.open("rb") as stream:
            return read_points(stream)
    return read_points(io.BytesIO(file.read(limits.max_log_file_bytes, "LAB_MAX_LOG_FILE_BYTES")))


def read_points(stream: BinaryIO) -> dict[str, LoggedPoints]:
    """Return the points of scalars by tag, without a record cut off at the end.

    Raises Unreadable.
    """
    found: dict[str, _Points] = {}
    try:
        for record in _records(stream):
            for scalar in scalars(record):
                _add(found, scalar)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise Unreadable("its event records are damaged") from error
    return {
        tag: LoggedPoints(
            np.array(each.steps, np.int64), np.array(each.times, np.int64), np.array(each.values)
        )
        for tag, each in found.items()
    }


def _add(found: dict[str, _Points], scalar: Scalar) -> None:
    points = found.get(scalar.tag)
    if points is None:
        if len(found) >= MAX_TAGS:
            raise Unreadable(f"its event records have more than {MAX_TAGS:,} tags")
        points = found[scalar.tag] = _Points()
    points.steps.append(scalar.step)
    points.times.append(int(scalar.time * 1000) if abs(scalar.time) < 1e12 else 0)
    points.values.append(scalar.value)


def _records(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the data of records, those of images left out. Raises ValueError if damaged."""
    data, at, count = stream.read(PIECE_BYTES), 0, 0
    while True:
        if at + HEADER_BYTES > len(data):
            data, at = data[at:] + stream.read(PIECE_BYTES), 0
            if len(data) < HEADER_BYTES:
                return
        length = _checked_length(data, at, every=count)
        end = at + HEADER_BYTES + length + CHECKSUM_BYTES
        count += 1
        if not count & 15:
            work_budget.check()
        if end > len(data):
            if length > MAX_SCALAR_BYTES:
                skipped = end - len(data)
                if stream.seekable():
                    stream.seek(skipped, io.SEEK_CUR)
                data, at = stream.read(PIECE_BYTES), 0
                continue
            data = data[at:] + stream.read(PIECE_BYTES)
            end, at = end - at, 0
            if end > len(data):
                return  # still being written
        if length <= MAX_SCALAR_BYTES:
            yield data[at + HEADER_BYTES : end - CHECKSUM_BYTES]
        at = end


CHECKED = 1000  # records whose checksum is compared; then only one of as many is


def _checked_length(data: bytes, at: int, *, every: int) -> int:
    """Return the length of a record. Raises ValueError if it or its checksum is wrong."""
    if every < CHECKED or not every % CHECKED:
        length = _length(data, at)
    else:
        length = int.from_bytes(data[at : at + 8], "little")
    if length is None or length > MAX_RECORD_BYTES:
        raise ValueError
    return length


def _length(data: bytes, at: int) -> int | None:
    length, checksum = struct.unpack_from("<QI", data, at)
    return int(length) if checksum == _masked(data[at : at + 8]) else None


def _masked(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + MASK) & 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # Castagnoli polynomial, reversed
    return byte


_TABLE = [_entry(byte) for byte in range(256)]


def _read(file: LogFile) -> list[History]:
    history = history_of_points(read_event_file(file), unit="step")
    if history is None:
        raise Unreadable("its event records hold no scalars")
    return [history]


FORMAT = FileFormat(
    name="TensorBoard event file",
    looks="TFRecords of scalars, as TensorFlow and PyTorch's SummaryWriter write them",
    files="events.out.tfevents.*",
    example={},
    sniff=lambda file: is_events(file.head),
    read=_read,
)
