"""Short ways to a RunSpec."""

from typing import Any

from backend.specification import RunSpec, validate


def run_spec(source: str = "moons", **knobs: Any) -> RunSpec:
    """Return the only run of a specification; knobs as `model__width=8`."""
    return run_specs(source, **knobs)[0]


def run_specs(source: str = "moons", **knobs: Any) -> list[RunSpec]:
    """Return the runs of a specification; knobs as `model__width=[8, 16]`."""
    return validate(document(source, **knobs)).runs


def document(source: str = "moons", **knobs: Any) -> dict[str, Any]:
    """Return a specification; knobs as `training__epochs=3`."""
    made: dict[str, dict[str, Any]] = {"dataset": {"source": source}}
    for path, value in knobs.items():
        section, name = path.split("__")
        made.setdefault(section, {})[name] = value
    return made
