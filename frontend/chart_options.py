"""What a run's page shows, as its address says: each choice has a name there, and a default."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from fastapi import Query
from pydantic import BaseModel, Field, field_validator

from backend.store.tables import MAX_ID

AxisScale = Literal["linear", "log"]
Shown = Literal["train", "val", "test", "seeds"]
SHOWN = get_args(Shown)
NONE = "none"

Epoch = Annotated[int | None, Field(ge=0, le=MAX_ID)]


class RunView(BaseModel):
    """Scales, smoothing, lines, the stretch of epochs zoomed into, and the epoch of the fit.

    `epochs` is the scale of that axis, None for the one that suits the run. `smoothing` is the
    weight of what came before. `first` and `last` are the ends of the stretch, None for the run's.
    """

    scale: AxisScale = "linear"
    epochs: AxisScale | None = None
    smoothing: float = Field(0, ge=0, le=0.99)
    show: list[Shown] = ["train", "val", "seeds"]
    first: Epoch = None
    last: Epoch = None
    at: Epoch = None

    @field_validator("*", mode="before")
    @classmethod
    def _left_empty(cls, given: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].default if given == "" else given

    @field_validator("show", mode="before")
    @classmethod
    def _with_commas(cls, given: Sequence[str]) -> list[str]:
        return [part for one in given for part in one.split(",") if part not in ("", NONE)]

    @property
    def stretch(self) -> tuple[int | None, int | None]:
        """First and last epoch to draw, in that order whichever way they were given."""
        if self.first is not None and self.last is not None:
            return min(self.first, self.last), max(self.first, self.last)
        return self.first, self.last

    @property
    def grows(self) -> bool:
        """Return whether points can be appended to the curves: they are not smoothed or zoomed."""
        return self.stretch == (None, None) and not self.smoothing

    def of_curves(self) -> dict[str, str]:
        """Return what the charts of the curves need to know, as an address writes it."""
        given = self.model_dump(exclude_defaults=True, exclude={"at", "show"})
        text = {name: f"{value}" for name, value in given.items() if value is not None}
        if self.show != RunView.model_fields["show"].default:
            text["show"] = ",".join(self.show) or NONE
        return text


RunViewQuery = Annotated[RunView, Query()]
