"""Output of commands: collected by an agent, and shown on a page."""

import pytest

from frontend.pages.console import clean
from overfit_lab.sweeps import output
from overfit_lab.sweeps.gpus import gpu_variables, visible_gpus
from overfit_lab.sweeps.output import Output
from overfit_lab.sweeps.reading import ConsoleReading


def test_characters_that_are_divided_between_reads_or_requests_are_kept() -> None:
    collected = Output()
    for byte in "aé€".encode():
        collected.add(bytes([byte]))
    assert collected.unsent(2) == (0, "a")
    collected.forget(1)
    assert collected.unsent(10) == (1, "é€")


def test_output_that_cannot_be_sent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "MAX_UNSENT", 10)
    collected = Output()
    collected.add(b"0123456789")
    collected.add("é23456".encode())
    assert collected.unsent(100) == (7, "789é23456"[-9:])


def test_bytes_that_are_not_text_are_replaced() -> None:
    collected = Output()
    collected.add(b"a\xffb\n")
    assert (collected.unsent(100), collected.last_line) == ((0, "a\ufffdb\n"), "a\ufffdb")


def test_losses_that_a_program_prints_are_read_in_whole_lines() -> None:
    reading = ConsoleReading()
    for epoch in range(1, 4):
        reading.add(f"Epoch {epoch}/9 - loss: 0.{epoch} - val_loss: 0.9\n".encode())
    reading.add(b"Epoch 4/9 - loss: 0.")
    assert reading.series(final=False)["loss"] == {"steps": [1, 2, 3], "values": [0.1, 0.2, 0.3]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("10%\r20%\r30%\ndone\r\n", "30%\ndone\n"),
        ("\x1b]0;title\x07text", "text"),
        ("bell\x07", "bell\\x07"),
    ],
)
def test_a_page_shows_output_as_a_terminal_does(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_each_slot_has_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 4")
    gpus = visible_gpus()
    assert [gpu_variables(gpus, slot)["CUDA_VISIBLE_DEVICES"] for slot in range(3)] == [
        "2",
        "4",
        "2",
    ]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert visible_gpus() == []
    assert gpu_variables([], 0) == {}
