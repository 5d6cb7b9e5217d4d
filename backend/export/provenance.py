"""The specification that reproduces an experiment, as YAML."""

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import yaml

from backend import __version__


def to_yaml(spec: Mapping[str, Any]) -> str:
    """Return a specification as it can be submitted again."""
    # lists of values in one line, as people write them
    return yaml.safe_dump(
        dict(spec), sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )


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
