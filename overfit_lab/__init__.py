"""Diagnose and track any training from Python.

    import overfit_lab
    overfit_lab.diagnose(history)              # chart and verdict in a notebook, text elsewhere

    run = overfit_lab.init(project="digits", config={"width": 64})
    run.log({"loss": 0.3, "val_loss": 0.4})
    if run.should_stop("overfitting"): ...
    run.finish()

    overfit_lab.sweep(train, n_train=[100, 1000], width=[8, 32], seeds=3)

`diagnose`, and everything else except sending, works without a server. Modules are loaded when they
are used, so that the import itself takes a few milliseconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overfit_lab.fit import Fit, diagnose
    from overfit_lab.runs import Run
    from overfit_lab.session import finish, init, log, should_stop
    from overfit_lab.sweeps.local import sweep

__all__ = ["Fit", "Run", "diagnose", "finish", "init", "log", "should_stop", "sweep"]

_MODULES = {
    "Fit": "fit",
    "Run": "runs",
    "diagnose": "fit",
    "finish": "session",
    "init": "session",
    "log": "session",
    "should_stop": "session",
    "sweep": "sweeps.local",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for; `config`, `summary` and `run` are those of the current run."""
    if name in _MODULES:
        value = getattr(import_module(f"overfit_lab.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
    if name in ("config", "summary", "run"):
        return getattr(import_module("overfit_lab.session"), f"current_{name}")()
    raise AttributeError(f"module 'overfit_lab' has no attribute {name!r}")
