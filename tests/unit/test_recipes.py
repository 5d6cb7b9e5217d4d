"""The recipes of CONTRIBUTING.md, followed in a copy of the source."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

DECLARATION = """
CLIP_NORM = Hyperparameter(
    "training", "clip_norm",
    label="gradient norm",
    help="Largest norm of the gradient.",
    why="A clipped gradient cannot make the loss jump.",
    role=Role.OPTIMISATION,
    accepts=Annotated[float, Field(gt=0, le=100)],
    default=5.0,
    when=BY_GRADIENTS,
)


class Training(Section):
"""
FIELD = "    clip_norm: Annotated[float | None, CLIP_NORM] = None\n    epochs: "
CHECK_HYPERPARAMETER = """
from backend.errors import InvalidSpec
from backend.specification import validate
from docs.make_reference import hyperparameter_table
from frontend.pages.new_experiment import form_fields
from frontend.formatting import label, value
from frontend.site import fill

moons = {"source": "moons"}
[run] = validate({"dataset": moons}).runs
assert run.params()["training.clip_norm"] == 5.0
try:
    validate({"dataset": moons, "training": {"clip_norm": 0}})
except InvalidSpec as error:
    assert error.detail == "training.clip_norm is 0; accepted: a number above 0 up to 100."
fields = {field.path: field for field in form_fields({"dataset": moons})["Training"]}
assert fields["training.clip_norm"].placeholder == "5"
assert "| `training.clip_norm` | Largest norm of the gradient. Applies with optimizer sgd" in (
    hyperparameter_table()
)
assert "Gradient norm" in fill("parts/setting_meanings.html")
assert (label("training.clip_norm"), value(5.0)) == ("gradient norm", "5")
"""

ENTRY = """
from dataclasses import replace

OPTIMIZERS["rmsprop"] = replace(OPTIMIZERS["adam"], name="rmsprop", title="RMSprop")
"""
CHECK_OPTIMIZER = """
from backend.specification import validate
from frontend.pages.new_experiment import form_fields
from frontend.formatting import value

document = {"dataset": {"source": "moons"}, "training": {"optimizer": "rmsprop"}}
[run] = validate(document).runs
training = run.training
assert (training.epochs, training.learning_rate, training.loss) == (200, 0.005, "cross_entropy")
fields = {field.path: field for field in form_fields(document)["Training"]}
assert fields["training.optimizer"].choices["rmsprop"] == "RMSprop"
assert fields["training.epochs"].status.applies
assert value("rmsprop", "training.optimizer") == "RMSprop"
"""


def copy_source(to: Path) -> Path:
    """Copy the web process and the docs generator, and return the folder of specifications."""
    for part in ("backend", "frontend", "docs"):
        shutil.copytree(ROOT / part, to / part, ignore=shutil.ignore_patterns("*.pyc"))
    return to / "backend/specification"


def run(code: str, folder: Path) -> None:
    """Run Python code with the source in a folder."""
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(folder)}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True,
                            check=False)  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_a_hyperparameter_needs_one_file_besides_the_training(tmp_path: Path) -> None:
    module = copy_source(tmp_path) / "hyperparameters/training.py"
    source = module.read_text().replace("\n\nclass Training(Section):\n", DECLARATION)
    module.write_text(source.replace("    epochs: ", FIELD))
    run(CHECK_HYPERPARAMETER, tmp_path)


def test_an_optimizer_needs_one_file_besides_its_update_rule(tmp_path: Path) -> None:
    module = copy_source(tmp_path) / "optimizers.py"
    module.write_text(module.read_text() + ENTRY)
    run(CHECK_OPTIMIZER, tmp_path)
