"""Schedules of the learning rate. Their formulas are in worker/training/schedules.py."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """One schedule. `settings` are the training settings that it alone takes."""

    name: str
    title: str
    settings: tuple[str, ...] = ()


SCHEDULES: dict[str, Schedule] = {
    schedule.name: schedule
    for schedule in (
        Schedule("constant", "Constant"),
        Schedule("cosine", "Falls along a cosine"),
        Schedule("step", "Falls in steps", ("schedule_every", "schedule_factor")),
    )
}
"""By name, in the order in which they are offered."""
