"""The hyperparameters of a run."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any


class Config(MutableMapping[str, Any]):
    """The hyperparameters of a run, by name or as attributes; nested names are joined by a dot."""

    def __init__(self, on_change: Callable[[dict[str, Any]], None]) -> None:
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_on_change", on_change)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value
        self._on_change({name: value})

    def __delitem__(self, name: str) -> None:
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"config has no {name}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __repr__(self) -> str:
        return repr(self._values)


def flat(
    values: Mapping[str, Any], joint: str = "/", prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield names and values; names in nested mappings are joined."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, joint, f"{prefix}{key}{joint}")
        else:
            yield f"{prefix}{key}", value
