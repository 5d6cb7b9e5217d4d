"""A ZIP file made while it is sent: nothing of it is kept."""

import time
from collections.abc import Iterable, Iterator
from io import RawIOBase
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

Member = tuple[str, Iterable[bytes]]
"""A file of an archive: its name, and its bytes in pieces."""

PACKED = (".parquet",)  # compressed inside


class _Outbox(RawIOBase):
    """A file that can only be written, and hands over what was."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._written.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        found = b"".join(self._written)
        self._written.clear()
        return found


def archive(members: Iterable[Member]) -> Iterator[bytes]:
    """Return a ZIP file in pieces: each member is asked for when the one before it is sent."""
    outbox = _Outbox()
    with ZipFile(outbox, "w") as file:
        for name, pieces in members:
            info = ZipInfo(name, date_time=time.gmtime()[:6])
            info.compress_type = ZIP_STORED if name.endswith(PACKED) else ZIP_DEFLATED
            with file.open(info, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece)
                    yield outbox.taken()
    yield outbox.taken()
