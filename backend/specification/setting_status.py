"""SettingStatus: what a form shows about each setting while a specification is being written.

The specification may be incomplete or invalid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from backend.errors import FieldError
from backend.specification import early_stopping
from backend.specification.applicability import idle_value, in_words
from backend.specification.expansion import default_of
from backend.specification.hyperparameters import HYPERPARAMETERS, STOPPING, Hyperparameter
from backend.specification.hyperparameters.dataset import SOURCE
from backend.specification.hyperparameters.early_stopping import CRITERION
from backend.specification.hyperparameters.model import FAMILY
from backend.specification.params import ParamValue
from backend.specification.placement import PLACEMENT_SETTINGS


@dataclass(frozen=True)
class SettingStatus:
    """The status of one setting in a specification.

    `applies` is true if it has an effect on any run. `defaults` are the values it has in the runs
    if it is left out, one for each data source and family of models that differs. `when` says in
    words with which other settings it applies; None if it always does. `error` is the sentence that
    refuses its value.
    """

    applies: bool
    defaults: Sequence[ParamValue]
    when: str | None = None
    error: str | None = None


def setting_statuses(
    document: object, errors: Sequence[FieldError] = ()
) -> dict[str, SettingStatus]:
    """Return the status of every setting by the dotted path under which it is written."""
    written = _Written(document if isinstance(document, Mapping) else {})
    refused = {(error.field or "").split("[")[0]: error.detail for error in reversed(errors)}
    statuses = {
        hyperparameter.written_path: SettingStatus(
            written.applies(hyperparameter),
            written.defaults(hyperparameter),
            in_words(hyperparameter) or None,
            refused.get(hyperparameter.written_path),
        )
        for hyperparameter in HYPERPARAMETERS.values()
    }
    return statuses | {
        name: SettingStatus(applies=True, defaults=[setting.default], error=refused.get(name))
        for name, setting in PLACEMENT_SETTINGS.items()
    }


@dataclass(frozen=True)
class _Written:
    """An unchecked specification."""

    document: Mapping[str, object]

    def applies(self, hyperparameter: Hyperparameter) -> bool:
        return all(
            any(value in allowed for value in self._values(control))
            for control, allowed in hyperparameter.when.items()
        )

    def defaults(self, hyperparameter: Hyperparameter) -> list[ParamValue]:
        """Return the different defaults for the chosen sources and families."""
        if hyperparameter.path in STOPPING:
            criterion = next(iter(self._names(CRITERION)), str(CRITERION.default))
            defaults = [early_stopping.default_of(hyperparameter, criterion)]
        elif hyperparameter is FAMILY:
            defaults = [default_of(hyperparameter, source) for source in self._names(SOURCE)]
        else:
            families = self._names(FAMILY) or [str(family) for family in self.defaults(FAMILY)]
            pairs = product(self._names(SOURCE), families)
            defaults = [default_of(hyperparameter, source, family) for source, family in pairs]
        return list(dict.fromkeys(value for value in defaults if value is not None))

    def _values(self, hyperparameter: Hyperparameter) -> Sequence[object]:
        """Return the written values or else the defaults; without effect, the idle value."""
        if not self.applies(hyperparameter):
            return [idle_value(hyperparameter)]
        return self._written(hyperparameter) or self.defaults(hyperparameter) or [None]

    def _written(self, hyperparameter: Hyperparameter) -> Sequence[object]:
        section = self.document.get(hyperparameter.section)
        value = section.get(hyperparameter.written_name) if isinstance(section, Mapping) else None
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def _names(self, hyperparameter: Hyperparameter) -> list[str]:
        """Return the accepted names among the written values, each once."""
        names = (value for value in self._written(hyperparameter) if isinstance(value, str))
        return list(dict.fromkeys(name for name in names if name in hyperparameter.choices))
