"""The command `lab diagnose`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OVERFITTING = {
    "loss": [2.0**-e for e in range(30)],
    "val_loss": [0.5 + abs(e - 8) / 20 for e in range(30)],
}
GOOD = {"loss": [2.0**-e for e in range(30)], "val_loss": [0.1 + 2.0**-e for e in range(30)]}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "over.json").write_text(json.dumps(OVERFITTING))
    (tmp_path / "good.json").write_text(json.dumps(GOOD))
    (tmp_path / "broken.json").write_text("{")
    return tmp_path


def diagnose(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backend.cli", "diagnose", *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **options
    )


def test_the_verdict_is_printed_in_words(logs: Path) -> None:
    done = diagnose(logs, "over.json", "good.json")
    assert done.returncode == 0
    assert done.stdout.startswith("over.json: severe overfitting\n  Severe overfitting: validation")
    assert "\n\ngood.json: good fit\n" in done.stdout
    assert "\033" not in done.stdout


def test_json_has_an_entry_for_every_file(logs: Path) -> None:
    done = diagnose(logs, "over.json", "good.json", "--format", "json", "--criterion", "gl")
    over, good = json.loads(done.stdout)
    assert list(over) == [
        "file", "verdict", "rule", "overfitting", "best_step", "onset_step", "early_stop_step",
        "evidence", "not_checked", "confidence", "notes", "sentence", "learner", "findings",
        "unit", "series", "kind", "severity", "advice",
    ]  # fmt: skip
    assert (over["file"], over["verdict"], over["overfitting"]) == (
        "over.json", "overfitting", True,
    )  # fmt: skip
    assert (over["best_step"], over["onset_step"], over["early_stop_step"]) == (9, 9, 10)
    assert over["series"] == {"train": "loss", "validation": "val_loss"}
    assert (good["overfitting"], good["onset_step"]) == (False, None)


def test_stdin_is_read(logs: Path) -> None:
    done = diagnose(logs, "-", "--format", "json", input=json.dumps(OVERFITTING))
    assert json.loads(done.stdout)[0]["file"] == "-"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["over.json", "--fail-on", "overfitting"], 1),
        (["over.json", "--fail-on", "overfitting.severe"], 1),
        (["over.json", "--fail-on", "past-its-best"], 1),
        (["over.json", "--fail-on", "gap"], 0),
        (["over.json", "--fail-on", "underfitting", "--fail-on", "overfitting"], 1),
        (["over.json", "--fail-on", "memorised-noise"], 0),
        (["good.json", "--fail-on", "overfitting"], 0),
        (["good.json", "--fail-on", "overfiting"], 2),
        (["good.json", "--fail-on", "overfitting.sever"], 2),
        (["good.json", "--fail-on", "over-confident"], 0),
        (["good.json", "broken.json"], 2),
        (["good.json", "--patience", "0"], 0),
        (["good.json", "--patience", "0.5"], 2),
    ],
)
def test_the_exit_code_depends_on_the_verdict(logs: Path, arguments: list[str], code: int) -> None:
    done = diagnose(logs, *arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == (code == 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fail-on", "overfiting"], "--fail-on is overfiting (did you mean overfitting?)"),
        (["--train", "los", "--validation", "val_loss"], "--train is los (did you mean loss?)"),
        (["--min-delta", "-1"], "--min-delta is -1"),
        (["--criterion", "gl", "--patience", "5"],
         "--patience is 5; accepted: with criterion patience only."),
    ],
)  # fmt: skip
def test_invalid_arguments_are_explained(logs: Path, arguments: list[str], message: str) -> None:
    done = diagnose(logs, "over.json", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_epochs_without_a_number_count_for_early_stopping(logs: Path) -> None:
    losses = "".join(f"{e},{1 / e},{1 / e if e < 6 else 'nan'}\n" for e in range(1, 31))
    (logs / "nan.csv").write_text(f"epoch,loss,val_loss\n{losses}")
    (output,) = json.loads(diagnose(logs, "nan.csv", "--format", "json", "--patience", "10").stdout)
    assert (output["verdict"], output["early_stop_step"]) == ("diverged", 15)


def test_an_unreadable_file_does_not_hide_other_files(logs: Path) -> None:
    done = diagnose(logs, "broken.json", "over.json", "--format", "json")
    unread, over = json.loads(done.stdout)
    assert (unread["verdict"], unread["rule"], unread["overfitting"]) == (
        "not assessable", "not-assessable.unreadable", None,
    )  # fmt: skip
    assert over["verdict"] == "overfitting"
    assert done.stderr.startswith("lab: broken.json: its JSON is invalid")


def test_of_several_pairs_one_is_taken_and_another_can_be_chosen(logs: Path) -> None:
    loss, val = OVERFITTING.values()
    unsure = {"train_mse": loss, "val_mse": val, "train_mae": loss, "val_mae": val}
    runs = {"about": {"lr": loss}, "unsure": unsure, "over": OVERFITTING}
    (logs / "runs.json").write_text(json.dumps(runs))
    done = diagnose(logs, "runs.json", "--format", "json")
    unsure, over = json.loads(done.stdout)
    assert (unsure["file"], over["file"]) == ("runs.json#unsure", "runs.json#over")
    assert unsure["series"] == {"train": "train_mse", "validation": "val_mse"}
    assert "--train and --validation choose another" in " ".join(unsure["notes"])
    named = ("--train", "train_mae", "--validation", "val_mae", "--format", "json")
    (history,) = json.loads(diagnose(logs, "runs.json", *named).stdout)
    assert (history["file"], history["verdict"]) == ("runs.json#unsure", "overfitting")


def test_the_page_is_self_contained(logs: Path) -> None:
    hostile = logs / "<img src=x>.json"
    hostile.write_text(json.dumps(OVERFITTING))
    assert diagnose(logs, hostile.name, "--html", "page.html").returncode == 0
    page = (logs / "page.html").read_text()
    assert "Plotly.react(plot" in page
    assert "<script src" not in page
    assert "<img src=x>" not in page


def test_skipped_values_are_noted(logs: Path) -> None:
    rows = "".join(f"{e},{2.0**-e},{0.3 + 2.0**-e}\n" for e in [*range(9), *range(30)])
    (logs / "twice.csv").write_text(f"epoch,loss,val_loss\n{rows}")
    done = diagnose(logs, "twice.csv", "--html", "page.html")
    assert "  Note: earlier rows: epoch goes back" in done.stdout
    assert "Not checked: earlier" not in done.stdout
    assert "<strong>Note</strong>: earlier rows" in (logs / "page.html").read_text()


@pytest.mark.parametrize("broken", ["NaN", "Infinity", "-Infinity", "1e308", "-1e308"])
def test_json_holds_finite_numbers_only(logs: Path, broken: str) -> None:
    losses = ", ".join(["1.0", "0.5"] * 5 + [broken] * 10)
    (logs / "odd.json").write_text(f'{{"loss": [{losses}], "val_loss": [{losses}]}}')
    done = diagnose(logs, "odd.json", "--format", "json")
    [report] = json.loads(done.stdout, parse_constant=pytest.fail)
    assert report["verdict"] == "diverged"
