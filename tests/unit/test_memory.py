"""Memory estimates, and the chunks of runs that follow from them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.specification.estimates import chunks_within, estimated_bytes, not_enough_memory
from tests.specs import run_spec
from worker.training.device import is_out_of_memory


def test_larger_models_data_and_batches_need_more_memory() -> None:
    plain = {"model__width": 32, "dataset__n_train": 300, "training__batch_size": 32}
    larger = [{"model__width": 512}, {"dataset__n_train": 400}, {"training__batch_size": 300}]
    least, *estimates = (
        estimated_bytes(run_spec("moons", **{**plain, **changed})) for changed in ({}, *larger)
    )
    assert min(estimates) > least


@given(st.lists(st.integers(1, 100)), st.integers(1, 150))
def test_chunks_cover_everything_within_the_available_memory(
    sizes: list[int], available: int
) -> None:
    chunks = list(chunks_within(sizes, available))
    assert [place for start, stop in chunks for place in range(start, stop)] == [*range(len(sizes))]
    assert all(stop - start == 1 or sum(sizes[start:stop]) <= available for start, stop in chunks)


def test_the_error_names_the_estimate_and_the_setting_to_reduce() -> None:
    sentence = not_enough_memory(run_spec("digits", model__width=512))
    assert sentence.startswith("Not enough memory: this run is estimated to take ")
    assert "MiB" in sentence
    assert "model.width" in sentence


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory"),
    ],
)
def test_out_of_memory_errors_are_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_the_error_of_a_failed_allocation_is_recognised() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 60)
    assert is_out_of_memory(raised.value)


def test_other_errors_are_not_out_of_memory() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("not enough memory of this"))
