"""Digests of runs in logs, by which a second import of the same run is noticed."""

import hashlib

from backend.imports.found_runs import FoundRun

SEPARATOR = b"\0"


def digest_of(run: FoundRun) -> bytes:
    """Return the digest of the values of a run and of its name within its file.

    The name of the file does not count, so a copy of the file is the same run.
    """
    digest = hashlib.sha256(run.inner_name.encode() + SEPARATOR)
    for key, series in sorted(run.series.items()):
        digest.update(key.encode() + SEPARATOR)
        digest.update(series.steps.astype("<i8").tobytes() + SEPARATOR)
        digest.update(series.values.astype("<f8").tobytes() + SEPARATOR)
    for key, value in sorted(run.params.items()):
        digest.update(SEPARATOR.join((key.encode(), value.encode(), b"")))
    return digest.digest()


def digest_of_followed(source: str, label: str) -> bytes:
    """Return the digest of a run in a log that grows: by the id of the log and the run's label."""
    return hashlib.sha256(f"followed\0{source}\0{label}".encode()).digest()
