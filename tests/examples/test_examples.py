"""Every example of examples/frameworks trains for real and logs to the running product.

`./lab test --examples` installs the frameworks in an environment of their own and runs this file.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.tracked import Tracked
from tests.product import run_product

EXAMPLES = Path(__file__).parents[2] / "examples" / "frameworks"
RUN_NAMES = {
    "pytorch_loop": "PyTorch",
    "lightning_module": "Lightning",
    "keras_fit": "Keras",
    "tensorflow_tape": "TensorFlow",
    "keras_custom_layer": "Keras, custom layer",
    "lightning_plain_model": "Lightning, plain model",
}
EPOCHS = 8
TASKS = {"iris": [], "digits": ["32", "16"]}  # a single-layer and a multi-layer network
PYTHON = os.environ.get("LAB_EXAMPLES_PYTHON")

pytestmark = pytest.mark.skipif(not PYTHON, reason="./lab test --examples sets the environment")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_product(tmp_path_factory.mktemp("product") / "data", workers="0") as product:
        yield product.url


@pytest.mark.parametrize("data", TASKS)
@pytest.mark.parametrize("example", RUN_NAMES)
@pytest.mark.timeout(600)
def test_an_example_logs_a_run_with_both_losses(url: str, example: str, data: str) -> None:
    options = ["--data", data, "--epochs", str(EPOCHS), "--hidden", *TASKS[data]]
    servers = {"MLFLOW_TRACKING_URI": url, "LAB_SERVER": url}
    quick = {
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }  # threads cost small networks time
    answer = subprocess.run(
        [str(PYTHON), f"{example}.py", *options], cwd=EXAMPLES, env=os.environ | servers | quick,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    tracked = Tracked(url)
    run = next(run for run in tracked.runs(data) if run["info"]["run_name"] == RUN_NAMES[example])
    assert run["info"]["status"] == "FINISHED"
    pair = tracked.pairing(run).pair
    assert pair is not None
    assert (len(pair.validation), pair.unit) == (EPOCHS, "epoch")
    assert pair.train.values[-1] < pair.train.values[0]


def test_every_example_is_tested() -> None:
    files = {path.stem for path in EXAMPLES.glob("*.py")} - {"task"}
    assert files == set(RUN_NAMES)
