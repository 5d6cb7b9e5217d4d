"""Environment of the processes that read files of others: without tokens and passwords."""

import os

INHERITED = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
"""Variables that such a process gets."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
"""Fewer threads for the libraries that read: each thread takes memory."""


def reading_environment() -> dict[str, str]:
    """Return the variables of a process that reads a file. A hostile file may take it over."""
    own = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return own | ONE_THREAD
