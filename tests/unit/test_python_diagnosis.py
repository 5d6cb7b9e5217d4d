"""overfit_lab.diagnose: the histories it takes, and the result in scripts and notebooks."""

import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import overfit_lab
from overfit_lab.svg_chart import Scale
from tests.logged import BEST, EPOCHS, TRAIN, VALIDATION

HISTORY = {"loss": TRAIN, "val_loss": VALIDATION}
ROWS = [{"epoch": e, "loss": TRAIN[e], "val_loss": VALIDATION[e]} for e in range(EPOCHS)]
SPARSE = [
    row
    for e in range(EPOCHS)
    for row in ({"epoch": e, "train_loss": TRAIN[e]}, {"epoch": e, "val_loss": VALIDATION[e]})
]
LOG_HISTORY = [
    record
    for e in range(EPOCHS)
    for record in ({"loss": TRAIN[e], "step": e}, {"eval_loss": VALIDATION[e], "step": e})
]


class Frame:
    """The few methods of a polars DataFrame that are used: its columns have no tolist."""

    columns = ["epoch", "train_loss", "val_loss"]

    def __getitem__(self, name: str) -> Any:
        return SimpleNamespace(to_list=lambda: [row.get(name) for row in SPARSE])


HISTORIES: dict[str, Any] = {
    "a dict of lists": HISTORY,
    "arrays": {name: np.array(values) for name, values in HISTORY.items()},
    "a Keras History": SimpleNamespace(history=HISTORY, epoch=list(range(EPOCHS))),
    "records": ROWS,
    "a DataFrame": pd.DataFrame(ROWS),
    "a sparse DataFrame": pd.DataFrame(SPARSE),
    "a polars DataFrame": Frame(),
    "a Trainer": SimpleNamespace(state=SimpleNamespace(log_history=LOG_HISTORY)),
    "a booster": SimpleNamespace(
        evals_result=lambda: {"train": {"logloss": TRAIN}, "eval": {"logloss": VALIDATION}}
    ),
}


@pytest.mark.parametrize("form", HISTORIES)
def test_every_form_of_a_history_gives_the_same_diagnosis(form: str) -> None:
    fit = overfit_lab.diagnose(HISTORIES[form])
    assert (fit.verdict, fit.overfitting) == ("overfitting", True)
    assert fit.best_step == fit.pair.validation.steps[2]
    assert fit.pair.validation.values.tolist() == VALIDATION


def test_two_lists_are_train_and_validation_loss() -> None:
    assert overfit_lab.diagnose(TRAIN, VALIDATION).best_step == 3


def test_a_path_is_read_as_a_log(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(HISTORY))
    assert overfit_lab.diagnose(path).verdict == "overfitting"
    assert overfit_lab.diagnose(str(path)).best_step == 3


def test_one_of_several_runs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(json.dumps({"a": HISTORY, "b": {"loss": TRAIN, "val_loss": TRAIN}}))
    with pytest.raises(ValueError, match="It holds 2 runs; name one by run=, such as a, b"):
        overfit_lab.diagnose(path)
    assert overfit_lab.diagnose(path, run="b").verdict != "overfitting"


def test_a_frame_whose_loss_ends_in_nan_has_diverged() -> None:
    frame = pd.DataFrame({"loss": [3.0, 2.0, 1.0, math.nan], "val_loss": [3.0, 2.0, 2.0, 2.0]})
    assert overfit_lab.diagnose(frame).verdict == "diverged"


@pytest.mark.parametrize(
    ("history", "sentence"),
    [
        ({"accuracy": TRAIN}, "no pair of train and validation loss among accuracy; name them by "),
        (3, "The int holds no series of numbers; accepted: a Keras History"),
        ("missing.csv", "missing.csv: it cannot be read"),
        (pd.DataFrame({"name": ["a"]}), "The DataFrame holds no column of numbers."),
    ],
)
def test_a_history_without_losses_is_refused(history: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        overfit_lab.diagnose(history)


@pytest.mark.parametrize(
    ("stop_when", "settings", "step"),
    [("patience", {"patience": 3}, 6), ("gl", {"alpha": 10}, 4), ("up", {"strips": 1}, 10)],
)
def test_early_stopping_is_replayed(stop_when: str, settings: dict[str, Any], step: int) -> None:
    fit = overfit_lab.diagnose(HISTORY, stop_when=stop_when, **settings)
    assert fit.early_stop_step == step
    assert fit.early_stop_sentence in str(fit)


def test_a_keras_history_has_the_epochs_that_keras_counts() -> None:
    history = SimpleNamespace(history=HISTORY, epoch=list(range(EPOCHS)))
    by_keras, by_place = overfit_lab.diagnose(history), overfit_lab.diagnose(HISTORY)
    assert (by_keras.best_step, by_place.best_step) == (BEST, BEST + 1)


@pytest.mark.parametrize(
    ("kept", "best", "note"),
    [
        (slice(1, None, 2), 4, "6 values for 12 of train, taken as one for every 2 of them"),
        (slice(8), 3, "8 values for 12 of train, those after 8 are not judged"),
    ],
)
def test_a_shorter_list_of_validation_is_placed_and_noted(
    kept: slice, best: int, note: str
) -> None:
    fit = overfit_lab.diagnose(TRAIN, VALIDATION[kept])
    assert fit.best_step == best
    assert note in str(fit)


def test_unknown_criteria_and_settings_are_refused() -> None:
    accepted = "stop_when is 'loss'; accepted: overfitting, patience, gl, pq, up"
    with pytest.raises(ValueError, match=accepted):
        overfit_lab.diagnose(HISTORY, stop_when="loss")
    with pytest.raises(ValueError, match="gl has no patience; accepted: alpha"):
        overfit_lab.diagnose(HISTORY, stop_when="gl", patience=3)


def test_advice_is_that_of_the_verdict() -> None:
    fit = overfit_lab.diagnose(HISTORY)
    assert fit.advice[0].startswith("Keep the best snapshot: ")
    assert (fit.kind, fit.severity) == ("past its best", "severe")
    settled = [1 + 2.0**-e for e in range(60)]
    assert len(overfit_lab.diagnose(settled, settled).advice) == 1


def test_the_figure_has_both_losses_and_the_best_step() -> None:
    figure = overfit_lab.diagnose(HISTORY).figure()
    assert [trace.name for trace in figure.data] == ["train", "validation"]
    assert list(figure.data[1].y) == VALIDATION
    assert figure.layout.shapes[0].x0 == 3


def test_a_notebook_shows_the_chart_without_scripts() -> None:
    html = overfit_lab.diagnose(HISTORY)._repr_html_()
    picture = ET.fromstring(re.search("<svg.*</svg>", html)[0])  # type: ignore[index]  # noqa: S314
    assert len(picture.findall("path")) == 2
    assert "Severe overfitting" in picture.attrib["aria-label"]
    assert "<script" not in html


def test_names_in_a_notebook_are_escaped() -> None:
    fit = overfit_lab.diagnose({"<b>loss": TRAIN, "val <b>loss": VALIDATION})
    assert "<b>" not in fit._repr_html_()


@pytest.mark.parametrize(
    ("low", "high", "logarithmic"),
    [(0, 1, False), (0.9, 230, False), (1e-9, 3, True), (2, 2, False)],
)
def test_ticks_are_few_and_within_their_axis(low: float, high: float, logarithmic: bool) -> None:
    ticks = Scale(low, high, 0, 1, logarithmic).ticks()
    assert 1 <= len(ticks) <= 7
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import overfit_lab", "numpy"),
        ("import overfit_lab; overfit_lab.diagnose", "plotly"),
        ("import overfit_lab; overfit_lab.diagnose", "pydantic"),
    ],
)
def test_the_package_loads_only_what_it_needs(code: str, heavy: str) -> None:
    check = f"{code}; import sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
