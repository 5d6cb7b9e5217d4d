"""Which software made the numbers."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from backend import __version__

PACKAGES = ("torch", "numpy", "scipy", "plotly", "fastapi", "sqlalchemy", "celery")


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of what is installed beside this process."""
    found = {"overfit-lab": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a web service without a worker beside it has no torch
            continue
    return found
