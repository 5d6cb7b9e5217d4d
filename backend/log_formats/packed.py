"""Compressed files. They are not unpacked: a small one can hold gigabytes."""

from backend.log_formats.history import Unreadable

COMPRESSED = {
    b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR",
}  # fmt: skip


def refuse_packed(head: bytes) -> None:
    """Raise Unreadable if the first bytes are those of a compressed file."""
    for magic, kind in COMPRESSED.items():
        if head.startswith(magic):
            raise Unreadable(f"it is packed with {kind}; unpack it first")
