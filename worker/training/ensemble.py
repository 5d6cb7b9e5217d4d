"""What a group asks of runs that are trained as one program."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from torch import Tensor

from worker.training.member import Member

Kind = Literal["best", "last"]


class Interrupted(Exception):
    """Training was told to stop within an epoch; the weights are between two epochs."""


class Ensemble(Protocol):
    """Runs trained as one. A member is spoken of by its place, from 0; places close up.

    No member's figures depend, to the bit, on which others are in the ensemble.
    """

    members: list[Member]

    def advance(self, interrupted: Callable[[], bool]) -> Tensor:
        """Train all members one epoch; return their metrics [members, keys], on the device.

        The keys are those of `Member.metric_keys`. Raises Interrupted.
        """

    def outputs(self, features: Mapping[int, Tensor]) -> Tensor:
        """Map features [rows, inputs] of members by place to outputs [places, rows, outputs].

        Features are as `Member.features` returns them, of all these members equally many.
        """

    def keep_best(self, places: Sequence[int]) -> None:
        """Remember the present weights of these members as their best."""

    def keep(self, places: Sequence[int]) -> None:
        """Let all others go: member places[0] is now at place 0, and so on."""

    def weights(self, place: int, kind: Kind) -> Mapping[str, Tensor]:
        """Return a member's weights by name, in their true shapes: those of its snapshot."""

    def state(self, place: int) -> Mapping[str, Tensor]:
        """Return all that is needed to go on training a member, best weights included."""

    def load_state(self, place: int, state: Mapping[str, Tensor]) -> None:
        """Bring a member that was not trained yet to what `state` returned."""
