"""Specifications of the experiments that train while faults are injected."""

from tests.specs import document

# Two groups of two runs each; a run takes a few seconds.
DOCUMENT = document(
    "moons",
    dataset__n_train=[20, 30, 40, 50],
    dataset__n_validation=30,
    dataset__n_test=30,
    model__width=4,
    training__epochs=2000,
)
# The same with more steps per epoch: trains longer than the random pause on any machine.
LONG = document(
    "moons",
    dataset__n_train=[300, 310, 320, 330],
    dataset__n_validation=30,
    dataset__n_test=30,
    model__width=4,
    training__batch_size=8,
    training__epochs=6000,
)
# Models that allocate blocks of more than 64 KiB.
WIDE = document(
    "moons",
    dataset__n_train=[60, 70, 80, 90],
    dataset__n_validation=30,
    dataset__n_test=30,
    model__width=100,
    training__batch_size=16,
    training__epochs=2000,
)
SHORT = document("points", model__degree=3, training__epochs=5)
