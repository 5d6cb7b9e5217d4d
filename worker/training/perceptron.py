"""Multi-layer perceptrons and, without hidden layers, linear models and polynomials."""

from collections.abc import Iterator
from itertools import pairwise

from worker.training.layers import Affine, BatchNorm, Dropout, LayerNorm, Linear, StackedLayer
from worker.training.network import Site
from worker.training.program import TrainingProgram
from worker.training.stack import aligned


def shapes(program: TrainingProgram) -> dict[str, tuple[int, ...]]:
    """Return the padded shapes of one model's parameters.

    Layer i has weight i and bias i, except that the bias of layer 0 is a column of its weight. If
    it is normalised, it also has scale i and shift i.
    """
    parameters: dict[str, tuple[int, ...]] = {}
    widths = [program.inputs, *program.widths, program.outputs]
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        parameters[f"weight {layer}"] = (n_out, n_in)
        if layer > 0:
            parameters[f"bias {layer}"] = (aligned(n_out),)
        if program.normalisation != "none" and layer < program.depth:
            parameters[f"scale {layer}"] = parameters[f"shift {layer}"] = (aligned(n_out),)
    return parameters


def running_shapes(program: TrainingProgram) -> dict[str, tuple[int, ...]]:
    """Return the shapes of one model's running means and variances, which batch norm keeps."""
    if program.normalisation != "batch":
        return {}
    return {
        f"{kind} {layer}": (aligned(width),)
        for layer, width in enumerate(program.widths)
        for kind in ("scale", "shift")
    }


def layers(site: Site) -> Iterator[StackedLayer]:
    """Yield the layers: linear, norm, activation and dropout per hidden layer, then the output."""
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


def _norm(site: Site, index: int, width: int) -> Iterator[StackedLayer]:
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
