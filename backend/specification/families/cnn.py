"""Convolutional networks, for images.

Each block is a 3 by 3 convolution, an activation and 2 by 2 max pooling, which halves the image.
"""

from typing import TYPE_CHECKING

from backend.errors import FieldError
from backend.specification.families.family import Family
from backend.specification.families.mlp import TORCH_ACTIVATIONS, sequential_code
from backend.specification.notation import count

if TYPE_CHECKING:
    from backend.specification.hyperparameters import Model
    from backend.specification.run_spec import RunSpec

KERNEL = 3 * 3


def pooled_pixels(spec: "RunSpec") -> int:
    """Return the number of pixels of an image after the last block."""
    return _pixels(spec, spec.model.depth or 0)


def _pixels(spec: "RunSpec", blocks: int) -> int:
    return ((spec.source.side or 0) >> blocks) ** 2


def _parameters(spec: "RunSpec") -> int:
    channels, depth = spec.model.channels or 0, spec.model.depth or 0
    convolutions = (KERNEL + 1) * channels + (depth - 1) * (KERNEL * channels + 1) * channels
    return convolutions + (channels * pooled_pixels(spec) + 1) * spec.dataset.output_count


def _hidden_numbers(spec: "RunSpec") -> int:
    # each block holds patches, the output of the convolution and its pooled output
    channels, blocks = spec.model.channels or 0, range(spec.model.depth or 0)
    return sum(5 * _pixels(spec, block) * channels for block in blocks)


def _reused_flops(spec: "RunSpec") -> int:
    """Return the operations of the kernels, which are applied at every pixel."""
    channels, blocks = spec.model.channels or 0, range(spec.model.depth or 0)
    kernels = (KERNEL * channels * (channels if block else 1) for block in blocks)
    return sum(2 * kernel * _pixels(spec, block) for block, kernel in enumerate(kernels))


def _check(spec: "RunSpec") -> FieldError | None:
    name, side = spec.source.name, spec.source.side or 0
    deepest = side.bit_length() - 1  # each convolution halves the image
    if 1 <= (spec.model.depth or 0) <= deepest:
        return None
    return FieldError(
        "model.depth",
        f"model.depth is {spec.model.depth}; accepted with cnn on {name}: 1 to {deepest}, as each "
        f"convolution halves the {side} by {side} image.",
    )


def _describe(model: "Model") -> str:
    convolutions = count(model.depth or 0, "convolution")
    return f"{convolutions} of {count(model.channels or 0, 'channel')}"


def _loading_code(spec: "RunSpec", file: str) -> str:
    side, channels, n_in = spec.source.side or 0, spec.model.channels or 0, 1
    activation = TORCH_ACTIVATIONS[spec.model.activation or "relu"]
    modules = [f"nn.Unflatten(1, (1, {side}, {side}))"]
    for _ in range(spec.model.depth or 0):
        modules.append(f"nn.Conv2d({n_in}, {channels}, 3, padding=1)")
        modules += [f"nn.{activation}()", "nn.MaxPool2d(2)"]
        n_in = channels
    units = channels * pooled_pixels(spec)
    modules.append(f"nn.Flatten(), nn.Linear({units}, {spec.dataset.output_count})")
    return sequential_code(spec, file, ", ".join(modules))


CNN = Family(
    name="cnn",
    title="Convolutional network",
    about="A convolutional network, for images.",
    settings=("depth", "channels", "activation"),
    size_setting="channels",
    saving=("model.channels", "training.batch_size"),
    parameters=_parameters,
    hidden_numbers=_hidden_numbers,
    reused_flops=_reused_flops,
    check=_check,
    describe=_describe,
    loading_code=_loading_code,
    for_images=True,
    defaults={"training.epochs": 30},
)
