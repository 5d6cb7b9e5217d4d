"""TensorBoard event files: scalars from TFRecords of protocol buffers, without TensorFlow.

The formats are TFRecord (length, masked CRC-32C, data, CRC) and the messages Event, Summary, Value
and TensorProto of tensorflow/core (event.proto, summary.proto, tensor.proto).
"""

import struct
from collections.abc import Iterator

from backend import work_budget
from backend.log_formats.history import History, Unreadable
from backend.log_formats.limits import log_limits
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.series import Series

HEADER_BYTES = 12  # of a record: its length (8) and the checksum of the length (4)
MAX_RECORD_BYTES = 64 << 20
MAX_SCALAR_BYTES = 1 << 20  # larger records hold images; records of scalars have about 100 bytes
MASK = 0xA282EAD8
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
EVENT_STEP, EVENT_SUMMARY = 2, 5
SUMMARY_VALUE = 1
VALUE_TAG, VALUE_SIMPLE, VALUE_TENSOR = 1, 2, 8
TENSOR_DTYPE, TENSOR_CONTENT, TENSOR_FLOATS, TENSOR_DOUBLES = 1, 4, 5, 6
FLOAT, DOUBLE = 1, 2
SIGN_BIT = 1 << 63  # the lowest 64 bits of a varint are an int64

WireField = tuple[int, int, bytes | int]
"""Number, wire type and value of a field of a protocol buffer."""


def is_events(data: bytes) -> bool:
    """Return whether data begin with a TFRecord: with a length and its checksum."""
    return len(data) >= HEADER_BYTES and _length(data, 0) is not None


def read_events(data: bytes) -> dict[str, Series]:
    """Return the scalars of an event file by tag, without a record cut off at the end.

    Raises Unreadable.
    """
    series: dict[str, dict[int, float]] = {}
    try:
        for record in _records(data):
            for tag, step, value in _scalars(record):
                series.setdefault(tag, {})[step] = value
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise Unreadable("its event records are damaged") from error
    return {tag: Series.from_mapping(values) for tag, values in series.items()}


def _records(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + HEADER_BYTES <= len(data):
        length = _length(data, at)
        if length is None or length > MAX_RECORD_BYTES:
            raise ValueError
        end = at + HEADER_BYTES + length
        if end + 4 > len(data):
            return  # still being written
        work_budget.check()
        if length <= MAX_SCALAR_BYTES:
            yield data[at + HEADER_BYTES : end]
        at = end + 4


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


def _scalars(event: bytes) -> Iterator[tuple[str, int, float]]:
    step, summary = 0, b""
    for field, kind, value in _fields(event):
        if field == EVENT_STEP and isinstance(value, int):
            step = (value + SIGN_BIT) % (2 * SIGN_BIT) - SIGN_BIT
        elif field == EVENT_SUMMARY and kind == BYTES and isinstance(value, bytes):
            summary = value
    for field, kind, value in _fields(summary):
        if field == SUMMARY_VALUE and kind == BYTES and isinstance(value, bytes):
            tag, number = _value(value)
            if number is not None:
                yield tag, step, number


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
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
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
        if at + size > len(message):
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


def read_event_file(file: LogFile) -> dict[str, Series]:
    """Return the scalars of an event file by tag. Raises Unreadable."""
    return read_events(file.read(log_limits().max_log_file_bytes, "LAB_MAX_LOG_FILE_BYTES"))


FORMAT = FileFormat(
    name="TensorBoard event file",
    looks="TFRecords of scalars, as TensorFlow and PyTorch's SummaryWriter write them",
    files="events.out.tfevents.*",
    example={},
    sniff=lambda file: is_events(file.head),
    read=lambda file: [History(read_event_file(file), "step")],
)
