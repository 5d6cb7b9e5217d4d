"""The control of the run page that shows other early-stopping criteria."""

import pytest

from backend.runs.schemas import EarlyStop, KeptWeights
from frontend.pages.stopping_control import sentence, stopping_control

STOP = KeptWeights(epoch=15, val_loss=0.5, test_loss=0.6, loss_given_up=0.1)
BEST = KeptWeights(epoch=3, val_loss=0.4, test_loss=0.5, loss_given_up=0.0)
FIRED = EarlyStop(
    criterion="pq", settings={"alpha": 0.75, "strip": 5}, epoch=15, epochs=200, epochs_saved=185,
    at_stop=STOP, restored=BEST, best=BEST,
)  # fmt: skip


def test_the_sentence_reports_epoch_savings_and_cost() -> None:
    assert sentence(FIRED, live=False) == (
        "Would have stopped at epoch 15: validation loss 0.500, test loss 0.600. "
        "Saves 185 of 200 epochs (92%), gives up 0.100 of validation loss compared with the best "
        "epoch, 3. If the best weights so far (epoch 3) are restored, it gives up nothing."
    )


@pytest.mark.parametrize(("live", "words"), [(True, "so far"), (False, "this run")])
def test_a_criterion_that_has_not_fired_is_reported(live: bool, words: str) -> None:
    not_fired = FIRED.model_copy(update={"epoch": None})
    assert sentence(not_fired, live=live) == f"Would not have stopped {words}."


def test_the_control_has_the_fields_of_its_criterion() -> None:
    form = stopping_control(FIRED, query={"criterion": "pq"}, live=False)
    fields = [(field.name, field.value, field.step) for field in form.fields]
    assert fields == [("alpha", "0.75", "any"), ("strip", "5", 1)]
    assert form.fields[0].refusal == "Threshold alpha takes a number above 0 up to 1,000,000."
