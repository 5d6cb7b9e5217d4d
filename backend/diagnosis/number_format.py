"""Losses and relative changes as sentences write them."""

NEGLIGIBLE = 1e-12  # rounding errors of sums of doubles: written as 0


def number(value: float) -> str:
    """Write a loss with three significant digits, 0 if it is negligible."""
    size = abs(value)
    if size >= 1e6:
        return f"{value:.1e}"
    if size < NEGLIGIBLE:
        return "0"
    return f"{value:#.3g}" if size < 99.95 else f"{value:,.0f}"


def relative(change: float) -> str:
    """Write a relative change: "-31%", "+1.2%", "+51,000%", "0%" if it is negligible."""
    if abs(change) < 5e-4:
        return "0%"
    if abs(change) < 0.0995:
        return f"{change:+.1%}"
    if change < 10:
        return f"{change:+.0%}"
    return f"{float(f'{change:.2g}'):+,.0%}" if change < 1e4 else "more than +1,000,000%"


def axis_value(step: float) -> int | float:
    """Return a step as the log counts it: whole numbers as int, parts of an epoch as float."""
    return int(step) if float(step).is_integer() else round(float(step), 6)


def axis_text(step: float) -> str:
    """Write a step: "1,200", or "3.75" for a part of an epoch."""
    value = axis_value(step)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
