"""docs/formats.md and the registry of log formats."""

from collections.abc import Mapping

import pytest

from backend.log_formats import LogFile, find_losses, read_logs
from backend.log_formats.log_format import FileFormat, LogFormat
from backend.log_formats.read import read_file
from backend.log_formats.registry import FILE_FORMATS, FORMATS
from docs.make_formats import PAGE, page

EXAMPLES = [pytest.param(each, id=each.name) for each in FORMATS if each.example]


def files_of(example: Mapping[str, str]) -> list[LogFile]:
    return [LogFile(name, text.encode()) for name, text in example.items()]


def test_the_page_is_made_from_the_registry() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_format_is_described() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    assert all(each.looks and each.files for each in FORMATS)


@pytest.mark.parametrize("log_format", EXAMPLES)
def test_the_example_of_a_format_is_read(log_format: LogFormat) -> None:
    (history,) = read_logs(files_of(log_format.example)).histories
    pair = find_losses(history)
    assert pair.validation.values.tolist() == sorted(pair.validation.values, reverse=True)


@pytest.mark.parametrize("log_format", EXAMPLES)
def test_the_first_format_that_recognises_an_example_is_its_own(log_format: LogFormat) -> None:
    if isinstance(log_format, FileFormat):
        (file,) = files_of(log_format.example)
        assert next(each for each in FILE_FORMATS if each.sniff(file)) is log_format
        assert read_file(file)
