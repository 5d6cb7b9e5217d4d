"""Provenance of exported numbers: the specification as YAML, and the versions of the software."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import yaml

from backend import __version__
from backend.store.tables import JsonObject

PACKAGES = ("torch", "numpy", "scipy", "plotly", "fastapi", "sqlalchemy", "celery")


def to_yaml(spec: JsonObject) -> str:
    """Return a specification as YAML that can be submitted again."""
    # default_flow_style=None writes lists of values on one line, as people do
    return yaml.safe_dump(
        spec, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )


@cache
def versions() -> dict[str, str]:
    """Return the versions of the product, of Python and of the installed packages."""
    installed = {"overfit-lab": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:  # a web service without a local worker has no torch
            continue
    return installed
