"""Response models of experiments and runs, shared by REST endpoints and pages."""

from pydantic import BaseModel, PrivateAttr

from backend.specification import RunSpec
from backend.specification.params import JsonObject, Params

Number = float | int | None


class ExperimentItem(BaseModel):
    """An experiment in responses; `parent_id` is the experiment that it follows up.

    `origin` is "specification", or "external" if other programs train the runs. Then `spec` is
    null, and `pairing` and `roles` are what a person chose, null for what the names tell.
    `planned` is true if agents start its runs: it is a sweep.
    `owner` is the name of the token that created it, null if the service required no token.
    """

    id: int
    name: str
    url: str
    status: str
    origin: str = "specification"
    planned: bool = False
    spec: JsonObject | None
    pairing: JsonObject | None = None
    roles: JsonObject | None = None
    counts: dict[str, int]
    created_at: str
    device: str
    priority: str
    parent_id: int | None
    parent_run_id: int | None
    owner: str | None = None
    tags: dict[str, str] = {}
    note: str | None = None
    pinned: bool = False

    archived: bool = False
    deleted_at: str | None = None


class RunItem(BaseModel):
    """A run in lists. `summary` maps each metric to its last, min and max values and their steps.

    `variant` is the name of the run's variant in the specification. `rule` is the diagnosis rule
    that gave the verdict, such as overfitting.gap. Only overfitting has a `kind` (past its best,
    gap, from the start, memorised) and a `severity` (mild, moderate, severe).

    Only a run that another program trains has an `external_id` (the id that its client uses), a
    `run_name`, a `user_name` and a `source`; its params are text. `parameters` is null if unknown.
    `axis` is the word for a step of its losses: epoch, step, iteration or evaluation.
    """

    _settings: Params | None = PrivateAttr(None)

    id: int
    experiment_id: int
    url: str
    status: str
    error: str | None
    variant: str | None = None
    params: JsonObject
    parameters: int | None
    epoch: int
    summary: dict[str, dict[str, Number]]
    best_epoch: int | None
    early_stop_epoch: int | None
    verdict: str | None
    kind: str | None = None
    severity: str | None = None
    rule: str | None = None
    external_id: str | None = None
    run_name: str | None = None
    user_name: str | None = None
    source: str | None = None
    axis: str = "epoch"
    started_at: str | None
    ended_at: str | None
    tags: dict[str, str] = {}
    note: str | None = None
    pinned: bool = False

    archived: bool = False
    deleted_at: str | None = None

    @property
    def is_external(self) -> bool:
        """Return whether another program trains the run."""
        return self.external_id is not None

    @property
    def settings(self) -> Params:
        """The hyperparameters by which grids and the analysis compare runs."""
        return self.params if self._settings is None else self._settings

    @property
    def spec(self) -> RunSpec:
        """The specification of the run; an external run has none."""
        return RunSpec.from_params(self.params)


class ListedRun(RunItem):
    """A run in a list over all experiments, with the name and creation time of its experiment."""

    name: str
    created_at: str


class RunList(BaseModel):
    """Some runs in the requested order; `next_cursor` leads to the runs after them."""

    items: list[ListedRun]
    next_cursor: str | None


class RunDetail(RunItem):
    """A run with its diagnosis; while the run trains, the diagnosis up to now."""

    diagnosis: JsonObject


class KeptWeights(BaseModel):
    """Losses at one epoch; `loss_given_up` is its validation loss minus the run's lowest."""

    epoch: int
    val_loss: float | None
    test_loss: float | None
    loss_given_up: float | None


class EarlyStop(BaseModel):
    """The effect that an early-stopping criterion would have had on a run, as far as it trained.

    `epoch` is where the criterion stops training, null if it never does. `at_stop` holds the losses
    at that epoch, `restored` the losses after restoring the weights of the criterion's best epoch,
    and `best` the losses at the epoch of the lowest validation loss.
    """

    criterion: str
    settings: dict[str, int | float]
    epoch: int | None
    epochs: int
    epochs_saved: int
    at_stop: KeptWeights | None
    restored: KeptWeights | None
    best: KeptWeights | None
