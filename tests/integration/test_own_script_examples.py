"""The scripts of examples/own-script, run as a sweep."""

import sys
from pathlib import Path

from backend.cli.arguments import parse
from backend.cli.sweep_plan import read_plan
from tests.integration.test_sweep_agent import id_in, runs_of, steps_of, sweep
from tests.product import ROOT

FOLDER = ROOT / "examples" / "own-script"


def test_the_file_describes_a_sweep() -> None:
    plan = read_plan(parse(["sweep", str(FOLDER / "sweep.yaml")]))
    assert (plan.axes["width"], plan.seeds) == (["4", "16", "64"], 3)
    assert (FOLDER / plan.command.words[1]).exists()


def test_a_sweep_of_an_example(lab: str) -> None:
    words = ("--n-train", "50", "--width", "4", "--seeds", "1", "--wait")
    command = (sys.executable, "train_sklearn.py", "{args}", "--epochs", "6")
    done = sweep(Path(FOLDER), lab, *words, "--", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = runs_of(lab, id_in(done.stdout))
    assert len(steps_of(lab, run)) == 6
