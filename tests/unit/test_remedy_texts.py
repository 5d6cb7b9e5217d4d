"""The sentence of a remedy names everything that it changes."""

from backend.remedies.catalogue import applicable
from backend.specification import validate


def test_weight_decay_says_that_it_changes_the_optimiser() -> None:
    for optimizer, changes in (("adam", True), ("adamw", False)):
        spec = {"dataset": {"source": "moons"}, "training": {"optimizer": optimizer}}
        [run] = validate(spec).runs
        [decay] = [remedy for remedy in applicable(run) if remedy.slug == "weight-decay"]
        assert ("The optimiser changes too: AdamW instead of Adam." in decay.reason) is changes
