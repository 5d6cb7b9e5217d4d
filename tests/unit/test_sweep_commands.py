"""The command of a sweep: how values are filled in, and commands that are refused."""

import pytest

from overfit_lab.sweeps.commands import Command, InvalidCommand, Style, environment

PARAMS = {"n_train": "100", "width": "8"}
OPTIONS = {"n_train": "n-train", "width": "width"}


@pytest.mark.parametrize(
    ("words", "style", "argv"),
    [
        ("train {args}", "options", "train --n-train 100 --width 8"),
        ("train {args}", "hydra", "train n_train=100 width=8"),
        ("train {hydra} -x", "options", "train n_train=100 width=8 -x"),
        ("train {args}", "env", "train"),
        ("train model={width} {args}", "options", "train model=8 --n-train 100"),
        ("train {{args}} {n_train}{width}", "options", "train {args} 1008"),
    ],
)
def test_values_are_filled_in(words: str, style: Style, argv: str) -> None:
    assert Command(words.split(), style).argv(PARAMS, OPTIONS) == argv.split()


def test_a_value_is_one_word_whatever_it_contains() -> None:
    value = "$(rm -rf /); 'x' \"y\" *"
    assert Command(["train", "{args}"]).argv({"a": value}, {"a": "a"}) == ["train", "--a", value]


def test_a_value_cannot_be_taken_for_an_option() -> None:
    command = Command(["train", "{args}"])
    assert command.argv({"a": "--evil"}, {"a": "a"}) == ["train", "--a=--evil"]


@pytest.mark.parametrize("name", ["a b", "-a", "", "a=b", "a;b"])
def test_a_name_from_the_server_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidCommand):
        Command(["train", "{args}"]).argv({"a": "1"}, {"a": name})


def test_values_are_in_the_environment() -> None:
    assert environment({"n_train": "5", "model.width": "8"}) == {
        "LAB_N_TRAIN": "5",
        "LAB_MODEL_WIDTH": "8",
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "The command is missing"),
        ("train", "The command does not get n_train, width; add {args}"),
        ("train {width}", "The command does not get n_train; add {args}"),
        ("train {widht} {args}", "{widht} in the command is not a param of the sweep; accepted"),
    ],
)
def test_a_command_without_a_place_for_a_value_is_refused(words: str, sentence: str) -> None:
    with pytest.raises(InvalidCommand) as caught:
        Command(words.split()).check(PARAMS)
    assert str(caught.value).startswith(sentence)


def test_another_command_or_style_has_another_digest() -> None:
    digests = {
        Command(["a", "b"]).digest,
        Command(["a b"]).digest,
        Command(["a", "b"], "env").digest,
    }
    assert len(digests) == 3
