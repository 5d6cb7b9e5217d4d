"""The code that loads a snapshot predicts as the trained model does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors

from backend.specification import validate
from worker.training.architectures import predict
from worker.training.group import Group
from worker.training.member import GroupMember

MODELS: list[tuple[str, dict[str, Any]]] = [
    ("points", {"degree": 6}),
    ("moons", {"family": "polynomial", "degree": 3}),
    ("iris", {"family": "polynomial", "degree": 2}),
    ("moons", {"family": "random_features", "width": 40}),
    ("moons", {"width": 5, "depth": 2, "activation": "tanh", "dropout": 0.5}),
    ("iris", {"depth": 0}),
    ("iris", {"depth": 2, "width": 3, "normalisation": "batch"}),
    ("iris", {"depth": 2, "width": 3, "normalisation": "layer", "activation": "gelu"}),
    ("moons", {"layers": "5-3-9", "normalisation": "batch", "activation": "linear"}),
    ("moons", {"width": 4, "features": "x2 + x1^2 + x1*x2 + sin(5*x2) + cos(x1)"}),
    ("moons", {"family": "random_features", "width": 9, "features": "x1 + sin(0.5*x2)"}),
    ("digits", {"family": "cnn", "channels": 3, "depth": 2}),
    ("digits", {"width": 3, "depth": 1, "activation": "gelu"}),
]
"""Sources and models, of every family."""


@pytest.mark.parametrize(("source", "model"), MODELS)
def test_the_code_on_the_page_loads_the_snapshot(
    source: str, model: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [spec] = validate({"dataset": {"source": source}, "model": model}).runs
    group = Group([spec], torch.device("cpu"))
    group.epoch()
    snapshot = group.snapshots(0)[-1]
    monkeypatch.chdir(tmp_path)
    Path("run-7-last.safetensors").write_bytes(snapshot.weights)

    namespace: dict[str, Any] = {}
    exec(spec.family.loading_code(spec, "run-7-last.safetensors"), namespace)  # noqa: S102
    member = GroupMember(spec)
    x = member.data.test.x[:9].astype(np.float32)
    raw = torch.tensor(x) if spec.model.family in ("mlp", "cnn") else x
    features = torch.from_numpy(member.features(x)).float()
    expected = predict(spec, load_tensors(snapshot.weights), features).numpy()
    np.testing.assert_allclose(np.asarray(namespace["predict"](raw).tolist()), expected, atol=1e-4)
