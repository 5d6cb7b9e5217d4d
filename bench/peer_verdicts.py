"""Ask tools of other people whether histories overfit. Runs in an environment that has the tools.

Reads a JSON list of [train losses, validation losses] from standard input. Prints a JSON object
with a list of truths for each tool that is installed, null where the tool fails. This script
imports nothing of the project.
"""

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

Losses = tuple[Sequence[float], Sequence[float]]


def runmedic(file: Path, _: Losses) -> bool:
    """Return whether runmedic finds overfitting in a CSV file."""
    (run,) = import_module("runmedic.loaders").load_file(file)
    roles = import_module("runmedic.roles").detect(run)
    findings = import_module("runmedic.checks").run_checks(run, roles)
    return any(finding.check == "overfitting" for finding in findings)


def trainspotter(file: Path, _: Losses) -> bool:
    """Return whether trainspotter finds overfitting in a CSV file."""
    tool = import_module("trainspotter")
    return any(finding.detector == "overfitting" for finding in tool.run_all(tool.load_run(file)))


def losslint(file: Path, _: Losses) -> bool:
    """Return whether losslint finds overfitting in a CSV file."""
    log = import_module("losslint.parsing").load_run(file)
    findings = import_module("losslint.checks").run_all_checks(log)
    return any(finding.check == "overfit_onset" for finding in findings)


def trainproof(file: Path, _: Losses) -> bool:
    """Return whether trainproof finds overfitting in a CSV file."""
    findings = import_module("trainproof.epoch").check_epoch(file)["findings"]
    return any(finding["id"] == "TP-OVERFIT" for finding in findings)


def sk_autod(_: Path, losses: Losses) -> bool:
    """Return whether sk-autod finds overfitting in two lists."""
    report = import_module("sk_autod").diagnose(*losses)
    return any("overfit" in finding.detector_name.lower() for finding in report.findings)


TOOLS: dict[str, Callable[[Path, Losses], bool]] = {
    "runmedic": runmedic,
    "trainspotter": trainspotter,
    "losslint": losslint,
    "sk-autod": sk_autod,
    "trainproof": trainproof,
}


def answer(tool: Callable[[Path, Losses], bool], file: Path, losses: Losses) -> bool | None:
    """Return the answer of a tool, None if it fails on a history."""
    try:
        return bool(tool(file, losses))
    except Exception:  # noqa: BLE001 (a failure of a tool is an answer, too)
        return None


def main() -> None:
    """Answer all histories with all tools."""
    histories = json.load(sys.stdin)
    installed = {}
    for name, tool in TOOLS.items():
        try:
            import_module(name.replace("-", "_"))
        except ImportError:
            continue
        installed[name] = tool
    answers: dict[str, list[bool | None]] = {name: [] for name in installed}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "metrics.csv"
        for train, validation in histories:
            with file.open("w", newline="") as handle:
                writer = csv.writer(handle)
                writer.writerow(["epoch", "train_loss", "val_loss"])
                rows = zip(range(1, len(train) + 1), train, validation, strict=True)
                writer.writerows(rows)
            for name, tool in installed.items():
                answers[name].append(answer(tool, file, (train, validation)))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
