"""Broken or hostile logs: read as far as possible, or refused in one sentence."""

import gzip
import json
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.diagnosis import Curve, diagnose
from backend.errors import InvalidInput
from backend.log_formats import find_losses, read_log
from backend.log_formats.event_messages import scalars
from backend.log_formats.history import History, Unreadable
from backend.log_formats.json_logs import read_document
from backend.log_formats.tables import from_rows
from backend.log_formats.tensorboard import MAX_SCALAR_BYTES, _masked, read_events
from backend.series import Series

EVENTS = Path(__file__).parents[1] / "data" / "events"
EVENT = b"\x2a\x0a\x0a\x08\x0a\x01a\x15" + struct.pack("<f", 1.0)  # the summary a = 1


LOG = "epoch,loss,val_loss\n1,3,3\n2,2,2\n3,1,2\n"


@pytest.mark.parametrize(
    ("variable", "most", "words"),
    [
        ("LAB_MAX_LOG_TEXT_BYTES", len(LOG), "it is text larger than .* LAB_MAX_LOG_TEXT_BYTES"),
        ("LAB_MAX_LOG_FILE_BYTES", len(LOG), "it is larger than .* LAB_MAX_LOG_FILE_BYTES"),
        ("LAB_MAX_LOG_SERIES", 2, "it has 2 series; accepted: at most 1 .LAB_MAX_LOG_SERIES"),
    ],
)
def test_a_log_at_a_limit_is_read_and_one_beyond_it_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, most: int, words: str
) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    monkeypatch.setenv(variable, str(most))
    assert len(read_log(str(tmp_path / "log.csv"))) == 1
    monkeypatch.setenv(variable, str(most - 1))
    with pytest.raises(Unreadable, match=words):
        read_log(str(tmp_path / "log.csv"))


@pytest.mark.parametrize("value", ["many", "0", "-1", "1e400"])
def test_a_limit_that_is_no_number_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    monkeypatch.setenv("LAB_DIAGNOSE_SECONDS", value)
    with pytest.raises(InvalidInput, match=r"LAB_DIAGNOSE_SECONDS is .*; accepted: a number above"):
        read_log(str(tmp_path / "log.csv"))


LONG_LOGS = {
    "rows": "epoch,loss,val_loss\n" + "".join(f"{at},1,1\n" for at in range(20_000)),
    "lists": "[" + "[]," * 60_000 + "[]]",
    "records": "[" + '{"a": 1},' * 20_000 + '{"a": 1}]',
    "lines": '{"a": 1}\n' * 20_000,
    "columns": ",".join(f"c{at}" for at in range(2000)) + "\n" + ("1," * 1999 + "1\n") * 50,
}


@pytest.mark.parametrize("kind", LONG_LOGS)
def test_reading_ends_with_its_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "log").write_text(LONG_LOGS[kind])
    monkeypatch.setenv("LAB_DIAGNOSE_SECONDS", "0.01")
    with pytest.raises(Unreadable, match=r"more than 0.01 s .*LAB_DIAGNOSE_SECONDS"):
        read_log(str(tmp_path / "log"))


def test_rows_that_go_back_again_and_again_take_little_time() -> None:
    forth = [{"epoch": at, "loss": 1, "val_loss": 1} for at in range(1, 10_000)]
    back = [{"epoch": 1 + at % 2, "loss": 1, "val_loss": 1} for at in range(10_000, 0, -1)]
    began = time.process_time()
    history = from_rows(forth + back)
    assert history is not None
    assert history.series["loss"].steps.tolist() == [1, 2]
    assert time.process_time() - began < 1


def test_records_of_images_are_skipped() -> None:
    record = struct.pack("<Q", MAX_SCALAR_BYTES + 1)
    image = record + struct.pack("<I", _masked(record)) + bytes(MAX_SCALAR_BYTES + 5)
    assert read_events(image * 3) == {}


@pytest.mark.parametrize("exponent", [-320, -300, 0, 100, 300, 308])
def test_values_of_very_different_sizes_are_diagnosed(exponent: int) -> None:
    draws = np.random.default_rng(1)
    for _ in range(40):
        count = int(draws.integers(2, 80))
        logs = np.clip(exponent + draws.uniform(-30, 30, (2, count)), -323, 308.2)
        train, validation = (Series.of(range(1, count + 1), 10.0**row) for row in logs)
        diagnosis = diagnose(Curve.from_series(train, validation))
        json.dumps(diagnosis.as_dict(), allow_nan=False)


def test_a_repeated_column_among_rows_of_different_lengths_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "epoch,loss,val_lloss,val_lloss,val_loss\n1,1.0,1.1\n2,0.5,0.9\n3,0.2,1.2\n"
        "4,0.1,1.2,0.5,0.9\n3,0.2,1.2\n4,0.1,1.2,0.5,0.9\n3,0.2,1.2\n4,0.1,1.5\n"
    )
    assert read_log(str(path))


def test_control_characters_are_removed_from_names() -> None:
    history = {name: [3, 2, 1] for name in ("\033[2Jloss", "val_loss\u202e", "\ud800")}
    (histories,) = read_document(json.dumps({"a\n\033]0;b": history}))
    assert histories.name == "a\ufffd\ufffd]0;b"
    assert list(histories.series) == ["\ufffd[2Jloss", "val_loss\ufffd", "\ufffd"]


@pytest.mark.parametrize("place", ["Infinity", "1e300", str(2**63), str(2**600)])
def test_invalid_epochs_are_replaced_by_counting(place: str) -> None:
    series = '"loss": [3, 2, 1], "val_loss": [3, 2, 1]'
    as_lists = f'{{"epoch": [1, {place}, 3], {series}}}'
    rows = (f'{{"step": {at}, "loss": 1, "val_loss": 1}}' for at in (1, place, 3))
    for text in (as_lists, "[" + ",".join(rows) + "]"):
        (history,) = read_document(text)
        pair = find_losses(history)
        assert pair.validation.steps.tolist() == [1, 2, 3]
        diagnose(Curve.from_series(pair.train, pair.validation))


def test_steps_of_events_are_signed_64_bit_integers() -> None:
    assert [scalar.step for scalar in scalars(b"\x10" + b"\xff" * 9 + b"\x01" + EVENT)] == [-1]


HOSTILE: list[tuple[bytes, str]] = [
    (b"", "it is empty"),
    (bytes(range(256)) * 20, "neither text"),
    (gzip.compress(b"0" * 10**6), "packed with gzip"),
    (b"PK\x03\x04" + b"0" * 100, "packed with zip"),
    (b"\xef\xbb\xbf\n", "it is empty"),
    ("\u00a0".encode(), "it is empty"),
    (b"[" * 200_000, "nested too deeply"),
    (b'{"a": ' * 60 + b"1" + b"}" * 60, "no lists of numbers"),
    (b"epoch,loss\n1,2\n2,1\n", "no pair of train and validation loss"),
    (b"1,2,3\n4,5,6\n", "no table with a header"),
    (b"hello\nworld\n", 'its first line is "hello"'),
    (b'{"loss": [1, 2', "JSON is invalid"),
    (b'a,b\n1,"' + b"x" * 200_000, "not readable as CSV"),
]


@pytest.mark.parametrize(("content", "words"), HOSTILE)
def test_unreadable_files_are_refused_in_one_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "log"
    file.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        for history in read_log(str(file)):
            find_losses(history)
    assert words in caught.value.detail
    assert len(caught.value.detail) < 1000


def judge(history: History) -> None:
    pair = find_losses(history)
    with np.errstate(all="ignore"):
        curve = Curve.from_series(pair.train, pair.validation)
    diagnose(curve, accuracy=pair.accuracy)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    record = (EVENTS / "run/events.out.tfevents.0").read_bytes()
    for content in (data, record[:60] + data + record[60:]):
        try:
            judge(History(read_events(content), "step"))
        except Unreadable:
            continue


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["loss", "val_loss", "epoch", "step", "phase"]), inner)
    ),
)


@given(values)
def test_no_document_crashes_the_reader(document: Any) -> None:
    try:
        for history in read_document(json.dumps(document)):
            judge(history)
    except Unreadable as error:
        assert error.detail
