"""The first grid on a table: data, capacity and regularisation, as large as its time allows."""

from collections.abc import Iterator
from itertools import product
from typing import Final

from backend.datasets.table_facts import TableFacts
from backend.specification import ExperimentSpec, validate
from backend.specification.estimates import estimated_seconds
from backend.specification.params import JsonObject

DEFAULT_SECONDS: Final = 120.0
TRAINING_SHARE: Final = 0.5  # of the time: estimates are off by up to a factor of two
WIDTHS: Final = (2, 8, 32, 128)
DECAYS: Final = (0.0, 0.1, 1.0)  # of AdamW: 0.1 changes little, 1 much
LARGEST: Final = (50_000, 20_000, 8_000, 3_000, 1_000, 400)  # training samples
EPOCHS: Final = (200, 100, 50, 25)
SEEDS: Final = (5, 3)
SIZES: Final = 5  # training-set sizes, each twice the one before: a law needs 4 and one to test it
SMALLEST: Final = 8  # training samples
MIN_BATCH, MAX_BATCH, BATCHES = 32, 1024, 64


def first_grid(facts: TableFacts, *, seconds: float, workers: int) -> ExperimentSpec:
    """Return the largest grid whose training is estimated to fit into a time.

    If none fits, returns the smallest.
    """
    spec = None
    for document in _documents(facts):
        spec = validate(document)
        if estimated_seconds(spec.runs, workers=workers) <= TRAINING_SHARE * seconds:
            return spec
    if spec is None:
        raise RuntimeError("there is no grid to try")
    return spec


def _documents(facts: TableFacts) -> Iterator[JsonObject]:
    """Yield specifications from the most expensive one: seeds go first, then rows and epochs."""
    defaults = facts.default_sizes()
    n_validation, n_test = defaults["n_validation"], defaults["n_test"]
    available = facts.rows - n_validation - n_test
    largest = list(dict.fromkeys(min(most, available) for most in LARGEST))
    for most, epochs, seeds in product(largest, EPOCHS, SEEDS):
        sizes = [most >> halving for halving in range(SIZES)]
        sizes = sorted({size for size in sizes if size >= SMALLEST} or {most})
        yield {
            "name": f"What {facts.name} needs",
            "dataset": {
                "source": facts.source,
                "n_train": sizes,
                "n_validation": n_validation,
                "n_test": n_test,
            },
            "model": {"width": list(WIDTHS)},
            "training": {
                "optimizer": "adamw",
                "weight_decay": list(DECAYS),
                "batch_size": max(MIN_BATCH, min(MAX_BATCH, most // BATCHES)),
                "epochs": epochs,
                "seeds": seeds,
            },
        }
