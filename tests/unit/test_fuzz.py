"""A small sample of each fuzzer; `python -m tests.fuzz` runs more."""

import pytest

from tests.fuzz.campaign import run
from tests.fuzz.targets import TARGETS


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow of numbers in hostile logs
@pytest.mark.parametrize("target", TARGETS)
def test_mutated_inputs_are_read_or_refused(target: str) -> None:
    assert run(target, inputs=1000, seed=2).inputs == 1000
