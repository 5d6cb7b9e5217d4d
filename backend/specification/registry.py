"""Registries: plain dicts of frozen dataclasses by name, and the type of a name in one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, eq=False)
class NameIn:
    """Pydantic annotation of a string that is a key of a registry.

    ``Annotated[str, NameIn(OPTIMIZERS)]`` validates, and appears in a JSON schema, as a Literal of
    the registry's keys would.
    """

    registry: Mapping[str, object]

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the names that are registered when the model is defined."""
        return core_schema.literal_schema(list(self.registry))
