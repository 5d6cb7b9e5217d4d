"""Multi-layer perceptrons, and with no hidden layer linear models and polynomials."""

from collections.abc import Iterator
from itertools import pairwise

from worker.training.layers import Affine, BatchNorm, Dropout, Layer, LayerNorm, Linear
from worker.training.network import Site
from worker.training.program import Program
from worker.training.stack import aligned


def shapes(program: Program) -> dict[str, tuple[int, ...]]:
    """Return the shapes of one model's parameters, padded.

    Layer i has weight i, bias i (but the first, whose bias is a column of its weight), and scale i
    and shift i of its norm.
    """
    found: dict[str, tuple[int, ...]] = {}
    widths = [program.inputs, *program.widths, program.outputs]
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        found[f"weight {layer}"] = (n_out, n_in)
        if layer > 0:
            found[f"bias {layer}"] = (aligned(n_out),)
        if program.normalisation != "none" and layer < program.depth:
            found[f"scale {layer}"] = found[f"shift {layer}"] = (aligned(n_out),)
    return found


def running_shapes(program: Program) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what one model keeps beside its parameters: batch norm's figures."""
    if program.normalisation != "batch":
        return {}
    return {
        f"{kind} {layer}": (aligned(width),)
        for layer, width in enumerate(program.widths)
        for kind in ("scale", "shift")
    }


def layers(site: Site) -> Iterator[Layer]:
    """Yield the layers: linear, norm, activation, dropout, and at last linear."""
    program = site.program
    for index, width in enumerate(program.widths):
        yield _linear(site, index, width)
        yield from _norm(site, index, width)
        yield site.activation(index, width)
        if program.drops and site.learns:
            yield Dropout(index, site.buffer(f"dropout {index}", width))
    yield _linear(site, program.depth, program.outputs)


def _linear(site: Site, index: int, units: int) -> Linear:
    own, gradients = site.weights(index, units, biased=index > 0)
    before = site.program.widths[index - 1] if index else 0
    gradient_in = site.gradient(index, before) if site.learns else None
    return Linear(own, gradients, site.output(index, units), gradient_in)


def _norm(site: Site, index: int, width: int) -> Iterator[Layer]:
    kind = site.program.normalisation
    if kind == "none":
        return
    scale, shift = (site.vectors(name, index, width) for name in ("scale", "shift"))
    own, gradients = Affine(scale[0], shift[0]), Affine(scale[1], shift[1])
    if kind == "layer":
        yield LayerNorm(own, gradients, site.real(index))
        return
    running = site.model.running
    follows = (running[f"{name} {index}"][site.models, :width] for name in ("scale", "shift"))
    yield BatchNorm(own, gradients, Affine(*follows))
