"""The recipes for new entries of registries, followed in a copy of the product.

Each recipe adds an entry of each kind by text appended to files. One process then validates the new
entries, looks for them in the form and trains them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FACTS = "backend/specification"

OPTIMIZER = {
    f"{FACTS}/optimizers.py": """
OPTIMIZERS["sign_sgd"] = Optimizer("sign_sgd", "Sign SGD", slots=0)
""",
    "worker/training/optimizers.py": """
def _sign_sgd(call: FusedCall, settings: UpdateSettings) -> None:
    for weights, gradients in zip(call.parameters, call.gradients, strict=True):
        weights.sub_(gradients.sign() * settings.learning_rate)

UPDATE_RULES["sign_sgd"] = _sign_sgd
""",
}
FAMILY = {
    f"{FACTS}/families/waves.py": """
from backend.specification.families.family import Family

WAVES = Family(
    "waves", "Waves", "A weighted sum of cosines of the inputs.",
    settings=("degree",), size_setting="degree", saving=("model.degree",),
    parameters=lambda spec: spec.family.model_inputs(spec) * spec.dataset.output_count,
    model_inputs=lambda spec: spec.dataset.input_count * (spec.model.degree or 0),
    describe=lambda model: f"{model.degree} waves",
    loading_code=lambda spec, file: f"open({file!r})",
    closed_form=True,
)
""",
    f"{FACTS}/families/__init__.py": """
from backend.specification.families.waves import WAVES

FAMILIES["waves"] = WAVES
""",
    "worker/training/architectures/waves.py": """
import numpy as np
import torch

from worker.training import perceptron
from worker.training.architectures.architecture import GradientTraining, LinearFit, linear_model

def _model_inputs(spec, scaled):
    return np.concatenate([np.cos(k * scaled) for k in range(1, 1 + spec.model.degree)], axis=1)

def _initial(spec):
    shape = spec.dataset.output_count, spec.family.model_inputs(spec)
    return {"amplitudes": torch.zeros(shape)}

def _weight_views(member, parameters, running, place):
    yield "amplitudes", parameters["weight 0"][place, : member.outputs, : member.n_features]

WAVES = linear_model(
    LinearFit("amplitudes"), GradientTraining(_initial, _weight_views, perceptron),
    model_inputs=_model_inputs, input_settings=("degree",),
)
""",
    "worker/training/architectures/__init__.py": """
from worker.training.architectures.waves import WAVES

ARCHITECTURES["waves"] = WAVES
""",
}
SOURCE = {
    f"{FACTS}/data_sources.py": """
SOURCES["square"] = _generated(
    "square", "Square", "The curve y = x^2.", "regression", target_noise=0.1
)
""",
    "backend/datasets/formulas.py": """
def _square(generator, n, training, inputs):
    x = 2 * _unit(generator, n, training) - 1
    return x[:, None], x**2

FORMULAS["square"] = _square
""",
}
LOSS = {
    f"{FACTS}/losses.py": """
LOSSES["half"] = Loss("half", "Half of the squared error")
""",
    "worker/training/losses.py": """
def _half_gradient(outputs, batch, out):
    return _squared_error_gradient(outputs, batch, out).mul_(0.5)

def _half_of_rows(outputs, targets, classifies):
    kinds = _squared_error_of_rows(outputs, targets, classifies)
    kinds[0] /= 2
    return kinds

LOSS_FUNCTIONS["half"] = LossFunction(
    _half_gradient, _half_of_rows, _clipped, lambda classes, frequencies: 1.0
)
""",
}
SCHEDULE = {
    f"{FACTS}/schedules.py": """
SCHEDULES["linear"] = Schedule("linear", "Falls along a line")
""",
    "worker/training/schedules.py": """
def _linear(training: Training, epoch: int) -> float:
    return (training.learning_rate or 0.0) * (1 - (epoch - 1) / training.epochs)

SCHEDULE_FORMULAS["linear"] = _linear
""",
}
CRITERION = {
    f"{FACTS}/stopping_criteria.py": """
STOPPING_CRITERIA["above"] = StoppingCriterion(
    "above", "Above", "Fires once validation loss is above alpha.", {"alpha": 2.0}
)
""",
    "backend/diagnosis/stopping_rules.py": """
@dataclass
class Above:
    alpha: float
    best_epoch: int | None = None

    def update(self, epoch: int, train: float, validation: float) -> bool:
        return validation > self.alpha

CRITERIA["above"] = Above
""",
}
RECIPES: dict[str, tuple[Mapping[str, str], int]] = {
    "optimizer": (OPTIMIZER, 2),
    "family": (FAMILY, 4),
    "source": (SOURCE, 2),
    "loss": (LOSS, 2),
    "schedule": (SCHEDULE, 2),
    "criterion": (CRITERION, 2),
}
"""The text that each recipe appends by file, and the most files that it may touch."""

FOLLOW = """
import json
from pathlib import Path
import torch
from backend.diagnosis.stopping_rules import build
from backend.settings import Settings
from backend.specification import validate
from backend.store import Database
from backend.store.schema import migrate
from frontend.pages.datasets import datasets_page
from frontend.pages.new_experiment import form_fields
from worker.training.group import Group

MOONS = {"source": "moons"}
DOCUMENTS = {
    "optimizer": {"dataset": MOONS, "training": {"optimizer": "sign_sgd"}},
    "family": {"dataset": MOONS, "model": {"family": "waves", "degree": 3}},
    "source": {"dataset": {"source": "square"}},
    "loss": {"dataset": MOONS, "training": {"loss": "half"}},
    "schedule": {"dataset": MOONS, "training": {"schedule": "linear"}},
    "criterion": {"dataset": MOONS, "early_stopping": {"criterion": "above"}},
}
fields = [field for section in form_fields({}).values() for field in section]
choices = {field.path: list(field.choices) for field in fields}
database = Database("sqlite:///lab.db")
migrate(database)
with database.read() as session:
    page = datasets_page(session, Settings(data_dir=Path()))
result = {"choices": choices, "datasets": page.body.decode()}
for recipe, document in DOCUMENTS.items():
    [run] = validate(document).runs
    group = Group([run], torch.device("cpu"))
    [epoch] = group.epoch()
    stopping = run.early_stopping
    build(stopping.criterion, **stopping.settings()).update(1, 1.0, 1.0)
    result[recipe] = {"params": run.params(), "loss": epoch.metrics["train_loss"]}
print(json.dumps(result))
"""


def copy_of_product(folder: Path, *recipes: Mapping[str, str]) -> Path:
    """Copy the product, append the text of the recipes to its files, and return the folder."""
    ignored = shutil.ignore_patterns("__pycache__", "vendor")
    for part in ("backend", "frontend", "worker", "tests", "docs"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    for recipe in recipes:
        for name, text in recipe.items():
            with (folder / name).open("a") as file:
                file.write(text)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a copy of the product."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The outcome of all recipes in one copy of the product."""
    texts = (text for text, _ in RECIPES.values())
    folder = copy_of_product(tmp_path_factory.mktemp("recipes"), *texts)
    process = run(folder, "-c", FOLLOW)
    assert process.returncode == 0, process.stderr
    outcome: dict[str, Any] = json.loads(process.stdout)
    return outcome


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_touches_few_files(recipe: str) -> None:
    text, most = RECIPES[recipe]
    assert len(text) <= most


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_new_entry_trains(followed: dict[str, Any], recipe: str) -> None:
    assert followed[recipe]["loss"] >= 0


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("training.optimizer", "sign_sgd"),
        ("model.family", "waves"),
        ("dataset.source", "square"),
        ("training.loss", "half"),
        ("training.schedule", "linear"),
        ("early_stopping.criterion", "above"),
    ],
)
def test_a_new_entry_is_offered_by_the_form(followed: dict[str, Any], path: str, name: str) -> None:
    assert name in followed["choices"][path]


def test_a_new_optimizer_has_the_defaults_of_training_by_gradients(
    followed: dict[str, Any],
) -> None:
    params = followed["optimizer"]["params"]
    assert params["training.epochs"] == 200
    assert params["training.learning_rate"] == 0.005
    assert params["training.loss"] == "cross_entropy"


def test_a_new_criterion_has_its_defaults(followed: dict[str, Any]) -> None:
    assert followed["criterion"]["params"]["early_stopping.alpha"] == 2.0


def test_the_page_of_the_data_sets_shows_a_source_without_a_picture(
    followed: dict[str, Any],
) -> None:
    assert "The curve y = x^2." in followed["datasets"]


@pytest.fixture(scope="module")
def incomplete(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of the completeness tests on entries without their implementation."""
    facts = [
        {name: added for name, added in text.items() if name.startswith(FACTS)}
        for text, _ in RECIPES.values()
    ]
    folder = copy_of_product(tmp_path_factory.mktemp("incomplete"), *facts)
    test = "tests/unit/test_registries.py"
    return run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", test).stdout


@pytest.mark.parametrize(
    "test",
    [
        "test_every_optimizer_that_follows_gradients_has_an_update_rule",
        "test_every_family_has_an_architecture_that_trains_as_it_says",
        "test_every_source_is_generated_or_stored",
        "test_every_loss_has_a_function",
        "test_every_schedule_has_a_formula",
        "test_every_criterion_has_a_rule_that_takes_its_settings",
        "test_every_family_has_a_test_of_its_loading_code",
        "test_every_source_has_a_picture",
        "test_every_gradient_optimizer_schedule_loss_and_family_is_compared_with_the_oracle",
        "test_every_entry_is_documented[diagnosis.md",
    ],
)
def test_an_entry_without_the_rest_fails_a_completeness_test(incomplete: str, test: str) -> None:
    assert f"FAILED tests/unit/test_registries.py::{test}" in incomplete


def test_an_optimizer_without_an_update_rule_has_the_defaults_of_its_kind(incomplete: str) -> None:
    assert "::test_every_optimizer_has_the_defaults_of_its_kind" not in incomplete
