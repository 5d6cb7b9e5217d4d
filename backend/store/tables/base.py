"""The base class of all tables."""

from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

CASCADE = "CASCADE"
MAX_ID = 2**31 - 1  # the largest value of a PostgreSQL integer

JsonObject = dict[str, Any]
"""A stored JSON object: a specification, a diagnosis, the parameters of a run."""


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can refer to it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
