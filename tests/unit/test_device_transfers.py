"""Training without a GPU at hand, on PyTorch's device `meta`, which has no data.

A step that reads a value on the host fails there, and copies between host and device are counted.
"""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.specs import run_specs
from worker.training.gradient_descent import GradientDescent
from worker.training.member import GroupMember
from worker.training.program import ensembles


class Transfers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that read one device and write another."""

    count = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: Any = (), options: Any = None
    ) -> Any:
        if operation.namespace == "aten" and "_fused_" in str(operation):
            return None  # works in place, and is not implemented on `meta`
        result = operation(*arguments, **(options or {}))
        tensors = tree_leaves((arguments, options, result))
        devices = {each.device for each in tensors if isinstance(each, torch.Tensor)}
        self.count += len(devices) > 1
        return result


def transfers_in_an_epoch(n_train: int, source: str = "moons", **settings: Any) -> int:
    settings |= {"dataset__n_train": [n_train, n_train // 2], "training__batch_size": 4}
    specs = run_specs(source, **settings)
    members = [GroupMember(spec) for spec in specs]
    count = 0
    for program, chosen in ensembles(members):
        ensemble = GradientDescent(program, chosen, torch.device("meta"), torch.float32)
        with Transfers() as transfers:  # type: ignore[no-untyped-call]
            ensemble.advance(lambda: False)
        count += transfers.count
    return count


@pytest.mark.parametrize(
    "settings",
    [
        {"training__optimizer": "sgd", "training__momentum": 0.9, "model__activation": "gelu"},
        {"training__optimizer": "adam", "model__dropout": 0.3, "model__normalisation": "batch"},
        {"training__optimizer": "adamw", "model__dropout": 0.3, "model__normalisation": "layer"},
        {"source": "digits", "model__family": "cnn"},
    ],
)
def test_a_step_neither_waits_for_the_device_nor_copies_to_it(settings: dict[str, Any]) -> None:
    few, many = (transfers_in_an_epoch(n, **settings) for n in (20, 80))
    assert 0 < few == many
