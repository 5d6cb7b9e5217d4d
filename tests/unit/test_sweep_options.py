"""Options of `lab sweep`: axes among them, the YAML file, and bad input."""

from pathlib import Path

import pytest

from backend.cli import main
from backend.cli.arguments import parse
from backend.cli.sweep_plan import SweepPlan, read_plan

COMMAND = "-- python train.py {args}"


def plan_of(line: str) -> SweepPlan:
    return read_plan(parse(["sweep", *line.split()]))


def test_any_other_option_is_an_axis() -> None:
    plan = plan_of(f"--name digits --n-train 100,1000 --lr=1e-3,-0.1 --seeds 3 {COMMAND}")
    assert (plan.name, plan.seeds) == ("digits", 3)
    assert plan.axes == {"n_train": ["100", "1000"], "lr": ["1e-3", "-0.1"]}
    assert plan.options == {"n_train": "n-train", "lr": "lr"}
    assert plan.command.words == ["python", "train.py", "{args}"]


def test_an_axis_may_have_the_name_of_an_option() -> None:
    assert plan_of(f"--axis jobs=1,2 --seed 5,6 {COMMAND}").axes == {
        "jobs": ["1", "2"],
        "seed": ["5", "6"],
    }


def test_the_options_of_the_command_are_its_own() -> None:
    plan = plan_of("--width 8 -- train --jobs 4 -- {args}")
    assert plan.command.words == ["train", "--jobs", "4", "--", "{args}"]


def test_a_file_says_the_same_and_options_replace_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "name: digits\naxes: {n-train: [100, 1000], width: [8, 0.5, true]}\nseeds: 2\n"
        "command: python train.py {args}\nstyle: hydra\nstop_when: overfitting\n"
    )
    plan = plan_of(f"{path} --seeds 4")
    assert plan.axes == {"n_train": ["100", "1000"], "width": ["8", "0.5", "true"]}
    assert (plan.seeds, plan.command.style, plan.stop_when) == (4, "hydra", "overfitting")
    assert plan.command.words == ["python", "train.py", "{args}"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"--width {COMMAND}", "--width has no values; accepted: one or more, such as --width 8"),
        (f"--width 8, {COMMAND}", "width has an empty value"),
        (f"--width 8 --width 9 {COMMAND}", "--width is given twice"),
        (f"--job 2 {COMMAND}", "--job is not an option; did you mean --jobs?"),
        (f"--width 8 --seeds x {COMMAND}", "seeds is 'x'; accepted: a whole number from 1"),
        (f"--width 8 --jobs 0 {COMMAND}", "jobs is '0'; accepted: a whole number from 1"),
        (f"--seeds 0 {COMMAND}", "seeds is '0'"),
        (COMMAND, "The sweep has no axis"),
        ("--width 8", "The command is missing; give it after --."),
        ("--width 8 -- python train.py", "The command does not get width; add {args}"),
        (f"--a-b 1 --a_b 2 {COMMAND}", "Two axes have the same name"),
        (f"--axis width {COMMAND}", "--axis is 'width'; accepted: NAME=V1,V2."),
        (f"missing.yaml {COMMAND}", "Cannot read missing.yaml: No such file or directory."),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(
    line: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["sweep", *line.split()])
    except SystemExit as error:
        code = int(str(error.code))
    assert code == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.removeprefix("lab: ").removeprefix("error: ").startswith(sentence)
