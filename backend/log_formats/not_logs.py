"""Files that are known and not read: compressed ones, and those of other kinds of data."""

from backend.log_formats.history import Unreadable

COMPRESSED = {
    b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR",
}  # fmt: skip
"""First bytes. Compressed files are not unpacked: a small one can hold gigabytes."""
OTHERS = {
    b"\x80\x02": "a pickle, which can run any code; save the history with json.dump",
    b"\x80\x03": "a pickle, which can run any code; save the history with json.dump",
    b"\x80\x04": "a pickle, which can run any code; save the history with json.dump",
    b"\x80\x05": "a pickle, which can run any code; save the history with json.dump",
    b"\x89HDF": "an HDF5 file, such as a model; save the history with json.dump",
    b"\x93NUMPY": "an array of NumPy without names; save the history with json.dump",
    b"\x89PNG": "a picture; a log with the numbers is needed",
    b"%PDF": "a PDF; a log with the numbers is needed",
}


def refuse_known(head: bytes) -> None:
    """Raise Unreadable if the first bytes are those of a file that is not read."""
    for magic, kind in COMPRESSED.items():
        if head.startswith(magic):
            raise Unreadable(f"it is packed with {kind}; unpack it first")
    for magic, kind in OTHERS.items():
        if head.startswith(magic):
            raise Unreadable(f"it is {kind}")
