"""The declarations of hyperparameters are complete, and one place is enough for a new one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backend.specification.hyperparameters import (
    HYPERPARAMETERS,
    SECTIONS,
    Hyperparameter,
    Role,
    declared,
    with_role,
)
from backend.specification.params import ParamValue

ROOT = Path(__file__).parents[2]
ALL = pytest.mark.parametrize("hyperparameter", HYPERPARAMETERS.values(), ids=HYPERPARAMETERS)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_of_a_section_is_declared_under_its_name(section: str) -> None:
    fields = [f"{section}.{name}" for name in SECTIONS[section].model_fields]
    assert list(declared(SECTIONS[section])) == fields


@ALL
def test_every_hyperparameter_is_explained(hyperparameter: Hyperparameter) -> None:
    assert hyperparameter.label
    assert hyperparameter.help.endswith(".")
    assert hyperparameter.why.endswith(".")
    assert hyperparameter.accepted


@ALL
def test_every_choice_has_a_title(hyperparameter: Hyperparameter) -> None:
    assert all(choice.title for choice in hyperparameter.choices.values())


@ALL
def test_defaults_are_accepted(hyperparameter: Hyperparameter) -> None:
    errors: list[object] = []
    defaults: list[ParamValue] = [hyperparameter.default, hyperparameter.slider_end]
    for value in defaults:
        if value is not None:
            hyperparameter.read(hyperparameter.path, value, errors)  # type: ignore[arg-type]
    assert errors == []


def test_every_role_is_played() -> None:
    assert [role for role in Role if not with_role(role)] == []


NEW = """
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
READ = """
from pathlib import Path

from backend.errors import InvalidSpec
from backend.specification import validate
from docs.make_reference import hyperparameter_table
from frontend.form import form_fields
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


def test_a_new_hyperparameter_needs_one_file_besides_the_training(tmp_path: Path) -> None:
    for part in ("backend", "frontend", "docs"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("*.pyc"))
    module = tmp_path / "backend/specification/hyperparameters/training.py"
    source = module.read_text().replace("\n\nclass Training(Section):\n", NEW)
    module.write_text(source.replace("    epochs: ", FIELD))
    command = [sys.executable, "-c", READ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False,
                            env={"PYTHONPATH": str(tmp_path)})  # fmt: skip
    assert result.returncode == 0, result.stderr
