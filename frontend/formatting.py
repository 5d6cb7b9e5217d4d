"""Numbers, times and knobs as the pages write them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from backend.diagnosis.number_format import number as plain_number
from backend.diagnosis.verdicts import CONDITIONS
from frontend.choices import choice

MISSING = "\N{EN DASH}"
MILD = "mild "


def number(value: float | None) -> str:
    """Write a loss or accuracy with three significant digits."""
    return MISSING if value is None else plain_number(value)


def percent(value: float | None) -> str:
    """Write a ratio as whole percent."""
    return MISSING if value is None else f"{value:,.0%}"


def count(amount: int, noun: str) -> str:
    """Write an amount with its noun: "1 run", "1,200 runs"."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def duration(seconds: float) -> str:
    """Write a duration in its largest sensible unit, rounded."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"


def knob(path: str) -> str:
    """Write a dotted path as a label: "dataset.n_train" becomes "train samples"."""
    return _LABELS.get(path, path.split(".")[-1].replace("_", " "))


def setting(knobs: Mapping[str, Any]) -> str:
    """Write the values of knobs: "train samples 50, width 8"."""
    return ", ".join(f"{knob(path)} {value(given, path)}" for path, given in knobs.items())


def isolated(name: str) -> str:
    """Return a name as part of a sentence: its writing direction stays its own (UAX 9)."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def evidence(name: str) -> str:
    """Write the name of a number that a verdict rests on."""
    return _EVIDENCE.get(name, name.replace("_", " ")).capitalize()


def value(given: Any, path: str = "") -> str:
    """Write the value of the knob at `path`; without it, text stays as it is."""
    if given is None:
        return MISSING
    if isinstance(given, list):
        return ", ".join(value(one, path) for one in given)
    if isinstance(given, bool) or not isinstance(given, int | float):
        return choice(path, str(given))
    return f"{given:,}" if isinstance(given, int) else f"{given:g}"


def model(params: Mapping[str, Any]) -> str:
    """Name a model by its capacity: "2 layers of 32 neurons"."""
    family, depth = params["model.family"], params.get("model.depth", 0)
    if family == "polynomial":
        return f"Degree {params['model.degree']}"
    if family == "random_features":
        return count(params["model.width"], "random feature")
    if family == "cnn":
        return f"{count(depth, 'convolution')} of {count(params['model.channels'], 'channel')}"
    if layers := params.get("model.layers"):
        *first, last = layers.split("-")
        return f"Layers of {', '.join(first)} and {last} neurons"
    if depth == 0:
        return "Single layer"
    return f"{count(depth, 'layer')} of {count(params['model.width'], 'neuron')}"


def badge(verdict: str | None, rule: str | None) -> str:
    """Write a verdict as beginners need it: by a few percent, a fit overfits mildly."""
    return f"{MILD}{verdict}" if verdict and rule == f"{verdict}.mild" else verdict or ""


def badges(told: Iterable[tuple[str | None, str | None]]) -> Counter[str]:
    """Count verdicts, each with its rule, as their badges write them; runs without one are none."""
    return Counter(badge(verdict, rule) for verdict, rule in told if verdict)


def mark(verdict: str) -> str:
    """Return the one character that stands for a verdict in a dense grid."""
    condition = CONDITIONS.get(verdict)
    return condition.mark if condition else verdict[:1].upper()


def tone(verdict: str) -> str:
    """Return the CSS class of a verdict's colour, also for a verdict as `badge` writes it."""
    condition = CONDITIONS.get(verdict.removeprefix(MILD))
    return f"tone-{condition.tone if condition else 'unknown'}"


def when(iso: str) -> str:
    """Write an ISO time for readers without scripts; the browser puts it in their time zone."""
    return datetime.fromisoformat(iso).strftime("%d %b %Y, %H:%M UTC")


_LABELS = {
    "dataset.n_features": "inputs",
    "model.layers": "neurons of each layer",
    "model.features": "input features",
    "training.l1_penalty": "L1 penalty",
    "dataset.n_train": "train samples",
    "dataset.n_validation": "validation samples",
    "dataset.n_test": "test samples",
    "dataset.source": "data set",
    "dataset.input_noise": "input noise",
    "early_stopping.action": "when it fires",
    "model.family": "kind of model",
    "training.optimizer": "optimiser",
    "early_stopping.alpha": "threshold alpha",
    "early_stopping.min_delta": "smallest improvement",
    "early_stopping.start_from_epoch": "epochs to wait first",
    "training.schedule_every": "epochs between steps",
    "training.schedule_factor": "factor of a step",
    "early_stopping.strip": "epochs in a strip",
    "early_stopping.strips": "strips that rise",
    "training.seed": "seed",
    "training.seeds": "seeds",
}

_EVIDENCE = {
    "generalisation_gap": "validation above train at the end",
    "noise": "noise of the validation loss, in units of the loss",
    "rise_since_best": "rise since the best, smoothed, in % of the best",
    "rise_that_counts": "rise that would count, in units of the loss",
    "steps_after_best": "epochs after the best",
}
