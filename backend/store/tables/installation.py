"""Table with the identity of the database."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.engine import now_ms
from backend.store.tables.runs import Base


class Installation(Base):
    """The one row that tells this database from every other: a random id."""

    __tablename__ = "installation"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms())
