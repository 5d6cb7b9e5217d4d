"""More seeds for an experiment: the same runs with other data and weights."""

from sqlalchemy.orm import Session

from backend.errors import Conflict
from backend.limits import Limits
from backend.runs.queue_limits import check_queue
from backend.specification import validate
from backend.specification.hyperparameters.training import SEED
from backend.specification.params import JsonObject
from backend.store import added_runs, experiments

MAX_ADDED = 100


def add_seeds(session: Session, experiment_id: int, amount: int, limits: Limits) -> int:
    """Queue the runs of `amount` further seeds of every cell; return the number of runs.

    Raises NotFound, InvalidSpec for too many runs, TooManyRequests, and Conflict for an experiment
    that is deleted or that other programs train.
    """
    experiment = experiments.get(session, experiment_id)
    if experiment.deleted_at is not None:
        raise Conflict(f"Experiment {experiment_id} is deleted; restore it first.")
    if experiment.spec is None:
        raise Conflict(f"Experiment {experiment_id} takes no seeds: other programs train it.")
    larger = with_more_seeds(experiment.spec, amount)
    spec = validate(larger, max_runs=limits.max_runs, max_text=limits.max_setting_text)
    added = added_runs.extend(session, experiment, spec)
    check_queue(session, 0, limits)  # the runs are in the queue, and leave it if they are refused
    return added


def with_more_seeds(document: JsonObject, amount: int) -> JsonObject:
    """Return a specification with the smallest seeds that it lacks as well."""
    training = document.get(SEED.section, {})
    given = training.get(SEED.written_name, 1)
    seeds = list(given) if isinstance(given, list) else list(range(given))
    free = (seed for seed in range(len(seeds) + amount) if seed not in seeds)
    seeds += [next(free) for _ in range(amount)]
    written = len(seeds) if seeds == list(range(len(seeds))) else seeds
    return {**document, SEED.section: {**training, SEED.written_name: written}}
