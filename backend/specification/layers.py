"""The hidden layers of a network: all of one width, or each of its own, written "16-8-4"."""

import re
from collections.abc import Mapping
from typing import Any

ACCEPTED = "the neurons of 2 to 8 layers joined by -, such as 16-8-4, each from 1 to 10,000"
_PATTERN = re.compile(r"[1-9]\d{0,4}(-[1-9]\d{0,4}){1,7}")
_WIDEST = 10_000


def canonical(text: str) -> str:
    """Return widths as they are always written. Raises ValueError where they are none."""
    plain = "".join(text.split())
    if not _PATTERN.fullmatch(plain) or max(map(int, plain.split("-"))) > _WIDEST:
        raise ValueError(f"{text} are no layers")
    return plain


def hidden(params: Mapping[str, Any]) -> list[int]:
    """Return the neurons of each hidden layer, given a run's flat params; only an mlp has any."""
    if layers := params.get("model.layers"):
        return [int(width) for width in layers.split("-")]
    if params["model.family"] != "mlp" or not params["model.depth"]:
        return []
    return [int(params["model.width"])] * params["model.depth"]
