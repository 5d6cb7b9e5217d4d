"""Reading the section `early_stopping`: one criterion for all runs, with its own settings."""

from collections.abc import Mapping

from backend.errors import FieldError, InvalidSpec
from backend.specification.applicability import in_words
from backend.specification.fields import read_mapping
from backend.specification.hyperparameters import STOPPING, EarlyStopping, Hyperparameter, show
from backend.specification.hyperparameters.early_stopping import CRITERION
from backend.specification.params import Params, ParamValue
from backend.specification.stopping_criteria import STOPPING_CRITERIA


def read_stopping(value: object, errors: list[FieldError]) -> dict[str, ParamValue]:
    """Return the written settings by dotted path. Append an error for every refused field."""
    names = [hyperparameter.name for hyperparameter in STOPPING.values()]
    written = read_mapping("early_stopping", value, names, errors)
    return {
        path: hyperparameter.read(path, written[hyperparameter.name], errors)
        for path, hyperparameter in STOPPING.items()
        if hyperparameter.name in written
    }


def completed(settings: Params) -> dict[str, ParamValue]:
    """Return the settings of the chosen criterion by dotted path, with defaults filled in."""
    criterion = str(settings.get(CRITERION.path, CRITERION.default))
    return {
        path: settings.get(path, default_of(hyperparameter, criterion))
        for path, hyperparameter in STOPPING.items()
        if criterion in hyperparameter.when.get(CRITERION, [criterion])
    }


def default_of(hyperparameter: Hyperparameter, criterion: str) -> ParamValue:
    """Return the default of a setting of early stopping under a criterion."""
    return STOPPING_CRITERIA[criterion].defaults.get(hyperparameter.name, hyperparameter.default)


def without_effect(where: str, path: str, value: ParamValue) -> FieldError:
    """Return the error of a setting that the chosen criterion does not take."""
    detail = f"{where} is {show(value)}; accepted: with {in_words(STOPPING[path])} only."
    return FieldError(where, detail)


def requested_stopping(query: Mapping[str, str], own: EarlyStopping) -> EarlyStopping:
    """Return the early stopping that a query string asks for, each setting as text by its name.

    A setting that the query leaves out is taken from `own` if the criterion is the same, else it
    has its default. Raises InvalidSpec.
    """
    errors: list[FieldError] = []
    written = {name: _parsed(name, text) for name, text in query.items()}
    settings = read_stopping(written, errors)
    if errors:
        raise InvalidSpec(errors)
    before = {f"early_stopping.{name}": value for name, value in own if value is not None}
    same = settings.get(CRITERION.path, own.criterion) == own.criterion
    full = completed(before | settings if same else settings)
    if errors := [without_effect(p, p, v) for p, v in settings.items() if p not in full]:
        raise InvalidSpec(errors)
    return _section(full)


def usual() -> EarlyStopping:
    """Return the early stopping of a specification that does not mention it."""
    return _section(completed({}))


def _parsed(name: str, text: str) -> str | int | float:
    """Parse numeric settings. Leave anything else as text, so that validation rejects it."""
    hyperparameter = next(
        (hyperparameter for hyperparameter in STOPPING.values() if hyperparameter.name == name),
        None,
    )
    if hyperparameter is None or hyperparameter.names:
        return text
    try:
        return int(text) if hyperparameter.schema["type"] == "integer" else float(text)
    except ValueError:
        return text


def _section(settings: Params) -> EarlyStopping:
    return EarlyStopping.model_validate({STOPPING[p].name: v for p, v in settings.items()})
