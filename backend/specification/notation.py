"""How parts of a model are written: hidden layers as "16-8-4", features as "x1 + x2^2 + sin(x1)".

The features are what a model receives of a sample, each a function of its inputs. "all" stands for
the inputs themselves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

LAYERS_ACCEPTED = "the neurons of 2 to 8 layers joined by -, such as 16-8-4, each from 1 to 10,000"
MAX_NEURONS = 10_000
_LAYERS = re.compile(r"[1-9][0-9]{0,4}(-[1-9][0-9]{0,4}){1,7}")

ALL_INPUTS = "all"
FEATURES_ACCEPTED = "all, or features joined by +, such as x1 + x2 + x1^2 + x1*x2 + sin(5*x1)"
MAX_FEATURES = 1000
_INPUT = r"x([1-9][0-9]{0,3})"
_POWER = re.compile(rf"{_INPUT}(?:\^([1-9]))?")
_PRODUCT = re.compile(rf"{_INPUT}\*{_INPUT}")
_WAVE = re.compile(rf"(sin|cos)\((?:([0-9]{{1,4}}(?:\.[0-9]{{1,4}})?)\*)?{_INPUT}\)")


def count(amount: int, noun: str) -> str:
    """Write an amount with its noun: "1 layer", "1,200 neurons"."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def canonical_layers(text: str) -> str:
    """Return layers in their canonical form, without spaces. Raises ValueError."""
    plain = "".join(text.split())
    if not _LAYERS.fullmatch(plain) or max(neurons(plain)) > MAX_NEURONS:
        raise ValueError(f"{text} is not a list of layers")
    return plain


def neurons(layers: str) -> list[int]:
    """Return the number of neurons of each layer."""
    return [int(layer) for layer in layers.split("-")]


@dataclass(frozen=True)
class Feature:
    """A product of inputs, given by index from 0, or a wave over one input.

    A power repeats the index. A wave is sin or cos of `factor` times the input.
    """

    inputs: tuple[int, ...]
    wave: Literal["sin", "cos"] | None = None
    factor: str = "1"

    def __str__(self) -> str:
        """Write the feature in its canonical form."""
        names = [f"x{index + 1}" for index in self.inputs]
        if self.wave:
            return f"{self.wave}({'' if self.factor == '1' else f'{self.factor}*'}{names[0]})"
        if len(set(names)) == 1:
            return names[0] + (f"^{len(names)}" if len(names) > 1 else "")
        return "*".join(names)

    def code(self, module: str) -> str:
        """Write Python for the feature of raw inputs x [n, inputs]; `module` has sin and cos."""
        columns = [f"x[:, {index}]" for index in self.inputs]
        if self.wave:
            return f"{module}.{self.wave}({self.factor} * {columns[0]})"
        return " * ".join(columns)


@lru_cache(16)  # parsing takes 2 ms for a thousand features, and every run asks for them
def parse_features(text: str) -> Sequence[Feature]:
    """Return the features of a sum, an empty list for "all". Raises ValueError."""
    if text.strip() == ALL_INPUTS:
        return ()
    terms = "".join(text.split()).split("+")
    if len(terms) > MAX_FEATURES:
        raise ValueError("there are too many features")
    features = tuple(_feature(term) for term in terms)
    if len(set(features)) < len(features):
        raise ValueError("a feature occurs twice")
    return features


def canonical_features(text: str) -> str:
    """Return a sum of features in its canonical form. Raises ValueError."""
    return " + ".join(map(str, parse_features(text))) or ALL_INPUTS


@lru_cache(1024)  # numbers are small, so these caches may be larger than that of the features
def inputs_needed(features: str) -> int:
    """Return how many inputs a sample must have for these features."""
    return max((1 + max(feature.inputs) for feature in parse_features(features)), default=1)


@lru_cache(1024)
def feature_count(features: str) -> int:
    """Return the number of features of a sum, 0 for "all"."""
    return len(parse_features(features))


def features_code(features: str, module: str) -> str:
    """Write Python for the features of raw inputs x; `module` is np or torch."""
    columns = ", ".join(feature.code(module) for feature in parse_features(features))
    return f"{module}.stack([{columns}], 1)" if columns else "x"


def _feature(text: str) -> Feature:
    if power := _POWER.fullmatch(text):
        return Feature((int(power[1]) - 1,) * int(power[2] or 1))
    if product := _PRODUCT.fullmatch(text):
        return Feature(tuple(sorted((int(product[1]) - 1, int(product[2]) - 1))))
    if (wave := _WAVE.fullmatch(text)) and float(wave[2] or 1):
        factor = f"{float(wave[2] or 1):.8g}"  # all digits that a factor may have
        return Feature((int(wave[3]) - 1,), "sin" if wave[1] == "sin" else "cos", factor)
    raise ValueError(f"{text} is not a feature")
