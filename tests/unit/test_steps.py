"""Training steps on inputs in fixed memory, as CUDA graphs need them."""

from collections.abc import Mapping

import pytest
import torch

from tests.specs import run_specs
from worker.training import gradient_descent
from worker.training.device import choose_device
from worker.training.gradient_descent import Eager, Fixed, Step
from worker.training.group import EpochResult, Group
from worker.training.network import Network
from worker.training.optimizers import Updates

DEVICE = choose_device()


def metrics(device: torch.device) -> list[Mapping[str, float]]:
    specs = run_specs(
        "moons", dataset__n_train=[20, 50], model__dropout=[0.0, 0.3], model__width=8,
        training__schedule="cosine", training__epochs=9,
    )  # fmt: skip
    group = Group(specs, device)
    results = [result for _ in range(4) for result in group.epoch()]
    return [result.metrics for result in results if isinstance(result, EpochResult)]


def test_a_step_on_fixed_memory_trains_the_same_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = metrics(DEVICE)
    monkeypatch.setattr(gradient_descent, "make_step", fixed)
    assert metrics(DEVICE) == expected


def fixed(network: Network, updates: Updates, active: int, _: torch.device) -> Step:
    return Fixed(Eager(network, updates, active))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_captured_graph_trains_like_the_cpu() -> None:
    for run_metrics, expected in zip(metrics(torch.device("cuda")), metrics(DEVICE), strict=True):
        assert run_metrics == pytest.approx(expected, rel=1e-3)
