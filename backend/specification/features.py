"""What a network sees of a sample: features, each a function of the inputs, written as a sum.

"x1 + x2 + x1^2 + x1*x2 + sin(5*x1)" are five features; "all" are the inputs as they are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ALL = "all"
ACCEPTED = "all, or features joined by +, such as x1 + x2 + x1^2 + x1*x2 + sin(5*x1)"
MOST = 1000

_INPUT = r"x([1-9]\d{0,3})"
_POWER = re.compile(rf"{_INPUT}(?:\^([1-9]))?")
_PRODUCT = re.compile(rf"{_INPUT}\*{_INPUT}")
_WAVE = re.compile(rf"(sin|cos)\((?:(\d{{1,4}}(?:\.\d{{1,4}})?)\*)?{_INPUT}\)")


@dataclass(frozen=True)
class Feature:
    """A product of inputs (their places, from 0; a power repeats one), or a wave over one.

    A wave is sin or cos of `factor` times the input.
    """

    inputs: tuple[int, ...]
    wave: Literal["sin", "cos"] | None = None
    factor: str = "1"

    def __str__(self) -> str:
        """Write the feature as it is written in a specification."""
        names = [f"x{place + 1}" for place in self.inputs]
        if self.wave:
            return f"{self.wave}({'' if self.factor == '1' else f'{self.factor}*'}{names[0]})"
        if len(set(names)) == 1:
            return names[0] + (f"^{len(names)}" if len(names) > 1 else "")
        return "*".join(names)

    def code(self, module: str) -> str:
        """Write it as Python over raw inputs x [n, inputs] for a module that has sin and cos."""
        columns = [f"x[:, {place}]" for place in self.inputs]
        if self.wave:
            return f"{module}.{self.wave}({self.factor} * {columns[0]})"
        return columns[0] if len(columns) == 1 else " * ".join(columns)


def parse(text: str) -> Sequence[Feature]:
    """Return the features of a sum, none of "all". Raises ValueError where it is no such sum."""
    if text.strip() == ALL:
        return []
    found = [_feature(part) for part in "".join(text.split()).split("+")]
    if len(set(found)) < len(found) or len(found) > MOST:
        raise ValueError("a feature is named twice, or there are too many")
    return found


def canonical(text: str) -> str:
    """Return a sum as it is always written. Raises ValueError."""
    return " + ".join(map(str, parse(text))) or ALL


def inputs_needed(text: str) -> int:
    """Return how many inputs a sample must have."""
    return max((1 + max(feature.inputs) for feature in parse(text)), default=1)


def _feature(text: str) -> Feature:
    if power := _POWER.fullmatch(text):
        return Feature((int(power[1]) - 1,) * int(power[2] or 1))
    if product := _PRODUCT.fullmatch(text):
        return Feature(tuple(sorted((int(product[1]) - 1, int(product[2]) - 1))))
    if (wave := _WAVE.fullmatch(text)) and float(wave[2] or 1):
        return Feature((int(wave[3]) - 1,), "sin" if wave[1] == "sin" else "cos", _plain(wave[2]))
    raise ValueError(f"{text} is no feature")


def _plain(factor: str | None) -> str:
    return f"{float(factor or 1):g}"
