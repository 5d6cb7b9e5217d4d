"""Family: all facts about one family of models."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.specification.registry import SettingValue


@dataclass(frozen=True)
class Family:
    """One family of models.

    `settings` are the model settings that it takes, and `size_setting` the one of them that sets
    the size of a model. `by_gradients` and `closed_form` say how it can be trained. `defaults`
    are by dotted path, where they differ from the general ones. `in_prose` is its name, in the
    plural, within a sentence.
    """

    name: str
    title: str
    in_prose: str
    about: str
    settings: tuple[str, ...]
    size_setting: str
    by_gradients: bool = True
    closed_form: bool = False
    defaults: Mapping[str, SettingValue] = field(default_factory=dict)
