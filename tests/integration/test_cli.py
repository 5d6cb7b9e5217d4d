"""The command line against the running product."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.product import ROOT, free_port

SPEC = {
    "name": "Two sizes",
    "dataset": {"source": "points"},
    "model": {"degree": [1, 6]},
    "training": {"epochs": 20},
}


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(SPEC))
    return path


def test_help_lists_the_commands() -> None:
    answer = run("--help")
    assert answer.returncode == 0
    for command in ("up", "submit", "watch", "migrate", "./lab test"):
        assert command in answer.stdout


def test_an_unknown_command_is_explained() -> None:
    answer = run("sumbit")
    assert answer.returncode == 2
    assert "'sumbit'" in answer.stderr
    assert "submit" in answer.stderr


def test_retry_prints_the_number_of_retried_runs(lab: str) -> None:
    experiment = httpx.post(f"{lab}/api/experiments", json=SPEC).json()
    answer = run("retry", str(experiment["id"]), "--wait", "--server", lab)
    assert f"Experiment {experiment['id']}: 0 runs queued again" in answer.stdout
    assert answer.returncode == 0


def test_json_is_submitted(lab: str, spec: Path) -> None:
    answer = run("submit", str(spec), "--server", lab)
    assert (answer.returncode, answer.stderr) == (0, "")
    first, url = answer.stdout.splitlines()
    assert first.endswith(": Two sizes, 2 runs")
    experiment = httpx.get(url.replace("/experiments/", "/api/experiments/")).json()
    assert f"Experiment {experiment['id']}:" in first
    assert experiment["spec"] == SPEC


def test_yaml_is_submitted(lab: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("name: 'From # YAML'\ndataset: {source: points}\ntraining: {epochs: 1}\n")
    answer = run("submit", str(path), "--server", lab)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "From # YAML, 1 run\n" in answer.stdout


@pytest.mark.parametrize("text", [json.dumps(SPEC), "dataset: {source: points}"])
def test_stdin_is_submitted(lab: str, text: str) -> None:
    answer = run("submit", "-", "--server", lab, stdin=text)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"{lab}/experiments/" in answer.stdout


def test_a_dry_run_queues_nothing(lab: str, spec: Path) -> None:
    before = ids_of_experiments(lab)
    answer = run("submit", str(spec), "--dry-run", "--server", lab)
    assert answer.stdout.startswith("2 runs, 2 to 7 parameters per model, about ")
    assert ids_of_experiments(lab) == before


def ids_of_experiments(lab: str) -> list[int]:
    return [experiment["id"] for experiment in httpx.get(f"{lab}/api/experiments").json()["items"]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "dataset: {source: squares}",
            'lab: dataset.source is "squares"; accepted: points, line, sine, ',
        ),
        ("dataset: {", "lab: The body is not valid YAML: "),
    ],
)
def test_an_invalid_specification_is_explained_in_one_sentence(
    lab: str, text: str, sentence: str
) -> None:
    answer = run("submit", "-", "--server", lab, stdin=text)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith(sentence)
    assert answer.stderr.count("\n") == 1


def test_waiting_prints_a_table_of_results(lab: str, spec: Path) -> None:
    answer = run("submit", str(spec), "--wait", "--server", lab)
    assert (answer.returncode, answer.stderr) == (0, "")
    *_, progress, header, line, curve = answer.stdout.splitlines()
    assert progress == "2 of 2 runs ended"
    assert header.split()[:3] == ["degree", "parameters", "n_train"]
    assert line.split()[:3] == ["1", "2", "5"]
    assert curve.split()[:3] == ["6", "7", "5"]


def test_an_unknown_experiment_is_explained_in_one_sentence(lab: str) -> None:
    answer = run("watch", "999999", "--server", lab)
    assert (answer.returncode, answer.stderr) == (2, "lab: There is no experiment 999999.\n")


@pytest.mark.parametrize("command", [["watch", "1"], ["submit", "-"]])
def test_an_unreachable_server_is_explained_in_one_sentence(command: list[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    answer = run(*command, "--server", url, stdin="dataset: {source: points}")
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"lab: no server answers at {url}; ")
    assert answer.stderr.count("\n") == 1


def test_a_missing_file_is_explained_in_one_sentence() -> None:
    answer = run("submit", "nowhere.yaml")
    assert answer.returncode == 2
    assert answer.stderr == "lab: Cannot read nowhere.yaml: No such file or directory.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "--port", "99999"], "lab: --port: Input should be less than or equal to 65535"),
        (["up", "--data-dir", "README.md"], "lab: cannot use the data directory README.md: "),
    ],
)
def test_an_invalid_setting_is_explained_in_one_sentence(
    arguments: list[str], sentence: str
) -> None:
    answer = run(*arguments)
    assert answer.returncode == 2
    assert answer.stderr.startswith(sentence)


def test_an_unreachable_database_is_explained_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DATABASE", f"postgresql://lab:secret@127.0.0.1:{free_port()}/lab")
    answer = run("migrate", "--data-dir", str(tmp_path))
    assert answer.returncode == 2
    assert answer.stderr.startswith("lab: the database cannot be used: connection failed")
    assert "secret" not in answer.stderr


def test_remedies_are_listed_tried_and_compared(lab: str) -> None:
    overfits = {
        "dataset": {"source": "moons", "n_train": 10, "n_validation": 50, "n_test": 50},
        "model": {"width": 64},
        "training": {"epochs": 40},
    }
    submitted = run("submit", "-", "--wait", "--server", lab, stdin=json.dumps(overfits))
    number = submitted.stdout.split()[1].rstrip(":")
    listed = run("remedies", number, "--seeds", "2", "--dry-run", "--server", lab)
    assert listed.stderr == ""
    assert "More data" in listed.stdout
    assert listed.stdout.endswith("Nothing was queued.\n")
    tried = run(
        "remedies", number, "--only", "more-data", "--seeds", "2", "--wait", "--server", lab
    )
    assert tried.returncode == 0, tried.stderr
    assert "baseline, More data\n" in tried.stdout
    assert "test difference" in tried.stdout
    assert "alidation chooses" in tried.stdout.splitlines()[-1]


def test_export_unpacks_the_tables_into_a_folder(lab: str, tmp_path: Path) -> None:
    experiment = httpx.post(f"{lab}/api/experiments", json=SPEC).json()
    out = tmp_path / "tables"
    arguments = (
        "export",
        str(experiment["id"]),
        "--format",
        "csv",
        "--out",
        str(out),
        "--server",
        lab,
    )
    assert run(*arguments).stdout == f"{out}\n"
    names = sorted(path.name for path in out.iterdir())
    assert names == ["experiment.json", "metrics.csv", "runs.csv", "spec.yaml"]
    assert list(tmp_path.iterdir()) == [out]
    repeated = run(*arguments)
    assert repeated.returncode == 2
    assert repeated.stderr == f"lab: {out} exists; choose another path with --out.\n"


def test_a_failed_export_leaves_no_files(lab: str, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    answer = run("export", "999999", "--out", str(out), "--server", lab)
    assert answer.stderr == "lab: There is no experiment 999999.\n"
    assert list(tmp_path.iterdir()) == []
