"""Options of the charts on a run's page, read from the query string of its URL."""

from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from fastapi import Query
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from backend.store.tables import MAX_ID

AxisScale = Literal["linear", "log"]
Shown = Literal["train", "val", "test", "seeds"]
SHOWN = get_args(Shown)
NONE = "none"

Epoch = Annotated[int | None, Field(ge=0, le=MAX_ID)]


class RunView(BaseModel):
    """Scales, smoothing, visible lines, range of epochs, and the epoch of the fit picture.

    `epochs` is the scale of the epoch axis, None for the scale that suits the run. `smoothing` is
    the weight of earlier values in the moving average. `first` and `last` are the ends of the
    range of epochs, None for the ends of the run.
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
    def _default_if_empty(cls, value: object, info: ValidationInfo) -> object:
        return cls.model_fields[str(info.field_name)].default if value == "" else value

    @field_validator("show", mode="before")
    @classmethod
    def _split_commas(cls, values: Sequence[str]) -> list[str]:
        return [part for value in values for part in value.split(",") if part not in ("", NONE)]

    @property
    def epoch_range(self) -> tuple[int | None, int | None]:
        """First and last epoch to draw, in ascending order."""
        if self.first is not None and self.last is not None:
            return min(self.first, self.last), max(self.first, self.last)
        return self.first, self.last

    @property
    def grows(self) -> bool:
        """Return whether points can be appended: the curves are neither smoothed nor zoomed."""
        return self.epoch_range == (None, None) and not self.smoothing

    def query(self) -> dict[str, str]:
        """Return the options of the loss and accuracy charts as query parameters."""
        options = self.model_dump(exclude_defaults=True, exclude={"at", "show"})
        text = {name: f"{value}" for name, value in options.items() if value is not None}
        if self.show != RunView.model_fields["show"].default:
            text["show"] = ",".join(self.show) or NONE
        return text


RunViewQuery = Annotated[RunView, Query()]
