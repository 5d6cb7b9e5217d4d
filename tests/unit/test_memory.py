"""The estimate of memory: larger for what is larger, and the cut that follows from it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.specification import memory
from tests.specs import run_spec
from worker.training.device import is_out_of_memory


def test_more_parameters_samples_or_rows_in_a_batch_take_more() -> None:
    plain = {"model__width": 32, "dataset__n_train": 300, "training__batch_size": 32}
    larger = [{"model__width": 512}, {"dataset__n_train": 400}, {"training__batch_size": 300}]
    least, *others = (
        memory.estimated_bytes(run_spec("moons", **{**plain, **changed}).params())
        for changed in ({}, *larger)
    )
    assert min(others) > least


@given(st.lists(st.integers(1, 100)), st.integers(1, 150))
def test_stretches_cover_everything_within_what_is_available(
    sizes: list[int], available: int
) -> None:
    found = list(memory.stretches(sizes, available))
    assert [place for start, stop in found for place in range(start, stop)] == [*range(len(sizes))]
    assert all(stop - start == 1 or sum(sizes[start:stop]) <= available for start, stop in found)


def test_the_sentence_names_the_estimate_and_what_to_reduce() -> None:
    said = memory.sentence(run_spec("digits", model__width=512).params())
    assert said.startswith("Not enough memory: this run is estimated to take ")
    assert "MiB" in said
    assert "model.width" in said


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory"),
    ],
)
def test_errors_that_say_that_memory_ran_out(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_an_allocation_that_really_fails_is_known() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 60)
    assert is_out_of_memory(raised.value)


def test_other_errors_are_something_else() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("not enough memory of this"))
