from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backend.spec import validate
from frontend.snippets import loading_code
from worker.training.member import Member
from worker.training.snapshots import take


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ("points", {"degree": 6}),
        ("moons", {"family": "polynomial", "degree": 3}),
        ("iris", {"family": "polynomial", "degree": 2}),
        ("moons", {"width": 5, "depth": 2, "activation": "tanh", "dropout": 0.5}),
        ("iris", {"depth": 0}),
        ("digits", {"width": 3, "depth": 1, "activation": "gelu"}),
    ],
)
def test_the_code_on_the_page_loads_the_snapshot_it_stands_beside(
    source: str, model: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [spec] = validate({"dataset": {"source": source}, "model": model}).runs
    member = Member(spec, torch.device("cpu"))
    member.train(lambda: False)
    snapshot = take(member, "last")
    assert snapshot is not None
    monkeypatch.chdir(tmp_path)
    Path("run-7-last.safetensors").write_bytes(snapshot.weights)

    found: dict[str, Any] = {}
    exec(loading_code(spec.params(), 7, "last"), found)  # noqa: S102
    x = member.data.test.x[:9].astype(np.float32)
    raw = x if model.get("family") == "polynomial" or "degree" in model else torch.tensor(x)
    member.model.eval()
    expected = member.model(member.features(x)).detach().numpy()
    np.testing.assert_allclose(np.asarray(found["predict"](raw).tolist()), expected, atol=1e-4)
