"""Hyperparameters of training: the section `training` of a specification."""

from typing import Annotated

from pydantic import Field

from backend.specification.data_sources import CLASSIFICATION
from backend.specification.families import FAMILIES
from backend.specification.hyperparameters.dataset import SOURCE
from backend.specification.hyperparameters.declaration import (
    Hyperparameter,
    Role,
    Section,
    takers,
)
from backend.specification.hyperparameters.model import FAMILY
from backend.specification.losses import LOSSES
from backend.specification.optimizers import OPTIMIZERS, gradient_optimizers
from backend.specification.schedules import SCHEDULES

BatchSize = Annotated[int, Field(ge=1, le=100_000)]
EpochCount = Annotated[int, Field(ge=1, le=100_000)]
Penalty = Annotated[float, Field(ge=0, le=100)]

OPTIMIZER = Hyperparameter(
    "training", "optimizer",
    label="optimiser",
    help="Rule that changes the weights at each step. Closed form solves for the best weights at "
    "once.",
    why="How fast the weights follow the gradient. Adam and AdamW reach a low train loss, and so "
    "overfitting, in fewer epochs than SGD.",
    role=Role.OPTIMISATION,
    choices=OPTIMIZERS,
    default="adam",
    when={FAMILY: [name for name, family in FAMILIES.items() if family.by_gradients]},
)  # fmt: skip
BY_GRADIENTS = {OPTIMIZER: gradient_optimizers()}
EPOCHS = Hyperparameter(
    "training", "epochs",
    label="epochs",
    help="Passes over the training set.",
    why="While training goes on bias error falls and variance error rises. Give it enough epochs "
    "to see the turn.",
    role=Role.OPTIMISATION,
    accepts=EpochCount,
    default=200,
    when=BY_GRADIENTS,
)  # fmt: skip
BATCH_SIZE = Hyperparameter(
    "training", "batch_size",
    label="batch size",
    help="Samples per step of the optimiser. If the training set is smaller, all of it is one "
    "batch.",
    why="Small batches make each step noisy, which hinders memorising a little; large ones are "
    "faster and smoother.",
    role=Role.OPTIMISATION,
    accepts=BatchSize,
    default=32,
    when=BY_GRADIENTS,
)  # fmt: skip
LEARNING_RATE = Hyperparameter(
    "training", "learning_rate",
    label="learning rate",
    help="Size of a step of the optimiser.",
    why="Too large and the loss jumps or grows without bounds; too small and training ends before "
    "it has learnt (underfitting).",
    role=Role.OPTIMISATION,
    accepts=Annotated[float, Field(gt=0, le=10)],
    default=0.005,
    when=BY_GRADIENTS,
)  # fmt: skip
MOMENTUM = Hyperparameter(
    "training", "momentum",
    label="momentum",
    help="Fraction of the previous step that is added to each step.",
    why="Speeds up SGD in the directions that stay the same: fewer epochs until the fit, and until "
    "the overfit.",
    role=Role.OPTIMISATION,
    accepts=Annotated[float, Field(ge=0, lt=1)],
    default=0.9,
    when={OPTIMIZER: takers(OPTIMIZERS, "momentum")},
    advanced=True,
)  # fmt: skip
SCHEDULE = Hyperparameter(
    "training", "schedule",
    label="schedule",
    help="How the learning rate changes over the epochs. The cosine schedule ends near 0.",
    why="A learning rate that falls lets the loss settle: what looked unstable becomes a curve "
    "whose turn can be seen.",
    role=Role.OPTIMISATION,
    choices=SCHEDULES,
    default="constant",
    when=BY_GRADIENTS,
    advanced=True,
)  # fmt: skip
SCHEDULE_EVERY = Hyperparameter(
    "training", "schedule_every",
    label="epochs between steps",
    help="Number of epochs between two changes of the learning rate.",
    why="Steps that come too early freeze an underfitted model; too late ones change nothing.",
    role=Role.OPTIMISATION,
    accepts=EpochCount,
    default=50,
    when={**BY_GRADIENTS, SCHEDULE: takers(SCHEDULES, "schedule_every")},
    advanced=True,
)  # fmt: skip
SCHEDULE_FACTOR = Hyperparameter(
    "training", "schedule_factor",
    label="factor of a step",
    help="Factor by which each change multiplies the learning rate.",
    why="How much calmer training becomes at each step.",
    role=Role.OPTIMISATION,
    accepts=Annotated[float, Field(gt=0, le=1)],
    default=0.1,
    when={**BY_GRADIENTS, SCHEDULE: takers(SCHEDULES, "schedule_factor")},
    advanced=True,
)  # fmt: skip
WEIGHT_DECAY = Hyperparameter(
    "training", "weight_decay",
    label="weight decay",
    help="Strength with which the weights are pulled towards zero. In closed form, the ridge "
    "penalty.",
    why="Regularisation (L2): large weights, which sharp bends need, cost something.",
    role=Role.REGULARISATION,
    accepts=Penalty,
    default=0.0,
)  # fmt: skip
L1_PENALTY = Hyperparameter(
    "training", "l1_penalty",
    label="L1 penalty",
    help="Pulls every weight towards zero with the same force, whatever its size (L1). Weight "
    "decay pulls in proportion to the weight (L2).",
    why="Regularisation (L1): weights that the data do not need go to zero, which leaves a simpler "
    "model.",
    role=Role.REGULARISATION,
    accepts=Penalty,
    default=0.0,
    when=BY_GRADIENTS,
)  # fmt: skip
LOSS = Hyperparameter(
    "training", "loss",
    label="loss",
    help="Loss function that training minimises.",
    why="What training lowers, and what overfitting raises on new samples. Cross-entropy punishes "
    "being sure and wrong, so that it shows overfitting before accuracy does.",
    role=Role.OPTIMISATION,
    choices=LOSSES,
    default="cross_entropy",
    when={
        SOURCE: CLASSIFICATION,
        **BY_GRADIENTS,
    },
    advanced=True,
)  # fmt: skip
LABEL_SMOOTHING = Hyperparameter(
    "training", "label_smoothing",
    label="label smoothing",
    help="Fraction of each label that is spread evenly over all classes.",
    why="Regularisation: a model that may never be quite sure does not become over-confident, and "
    "gains less from memorising.",
    role=Role.REGULARISATION,
    accepts=Annotated[float, Field(ge=0, lt=1)],
    default=0.0,
    when={LOSS: takers(LOSSES, "label_smoothing")},
    advanced=True,
)  # fmt: skip
SEED = Hyperparameter(
    "training", "seed",
    label="seed",
    help="Fixes the training and validation data, the initial weights and the order of the "
    "batches. The test data is the same for all seeds.",
    why="One run is luck. Several seeds draw other samples and weights; their spread is the "
    "variance, and the interval of each result.",
    role=Role.SEED,
    accepts=Annotated[int, Field(ge=0, le=2**31 - 1)],
    default=1,
    list_name="seeds",
)  # fmt: skip


class Training(Section):
    """The training of a run."""

    heading = "Training"

    epochs: Annotated[int, EPOCHS] = 1
    batch_size: Annotated[int | None, BATCH_SIZE] = None
    optimizer: Annotated[str, OPTIMIZER] = "closed_form"
    learning_rate: Annotated[float | None, LEARNING_RATE] = None
    momentum: Annotated[float | None, MOMENTUM] = None
    schedule: Annotated[str | None, SCHEDULE] = None
    schedule_every: Annotated[int | None, SCHEDULE_EVERY] = None
    schedule_factor: Annotated[float | None, SCHEDULE_FACTOR] = None
    weight_decay: Annotated[float, WEIGHT_DECAY]
    l1_penalty: Annotated[float, L1_PENALTY] = 0.0
    loss: Annotated[str, LOSS] = "mse"
    label_smoothing: Annotated[float | None, LABEL_SMOOTHING] = None
    seed: Annotated[int, SEED]
