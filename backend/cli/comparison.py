"""The comparison of an experiment's variants as a table."""

from typing import Any

COLUMNS = (
    "variant", "val loss", "test loss", "test difference", "95 % for all", "epochs", "parameters",
    "cost",
)  # fmt: skip


def table(found: dict[str, Any]) -> str:
    """Return the table, the lowest test loss first, and what validation chooses below it."""
    rows = [list(COLUMNS), _row(found["baseline"]), *map(_row, found["variants"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    sentence = str(found["sentence"])
    judged = f"Runs are judged at their {found['at']} epoch."
    return "\n".join([*lines, judged, sentence[:1].upper() + sentence[1:]])


def _row(effect: dict[str, Any]) -> list[str]:
    found = effect["differences"].get("test_loss")
    return [
        effect["name"],
        _number(effect["means"].get("val_loss")),
        _number(effect["means"].get("test_loss")),
        f"{found['mean']:+.3g}" if found else "-",
        _interval(found) if found else "-",
        f"{effect['epochs']:.0f}",
        "-" if effect["parameters"] is None else f"{effect['parameters']:,}",
        "-" if effect["cost"] is None else f"{effect['cost']:.2g}x",
    ]


def _interval(difference: dict[str, Any]) -> str:
    if difference["joint_low"] is None:
        return "one seed"
    interval = f"{difference['joint_low']:+.3g} to {difference['joint_high']:+.3g}"
    return interval if difference["resolved"] else f"{interval}, not resolved"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
