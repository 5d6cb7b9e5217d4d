"""Short forms for specifications: `document` for JSON, `run_spec` and `run_specs` for RunSpecs."""

from typing import Any

from backend.specification import RunSpec, validate


def run_spec(source: str = "moons", **settings: Any) -> RunSpec:
    """Return the only run of a specification; settings as `model__width=8`."""
    return run_specs(source, **settings)[0]


def run_specs(source: str = "moons", **settings: Any) -> list[RunSpec]:
    """Return the runs of a specification; settings as `model__width=[8, 16]`."""
    return validate(document(source, **settings)).runs


def document(source: str = "moons", **settings: Any) -> dict[str, Any]:
    """Return a specification; settings as `training__epochs=3`."""
    specification: dict[str, dict[str, Any]] = {"dataset": {"source": source}}
    for path, value in settings.items():
        section, name = path.split("__")
        specification.setdefault(section, {})[name] = value
    return specification
