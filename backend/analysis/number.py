"""Losses as sentences write them."""


def number(value: float) -> str:
    """Write a loss with three significant digits, 0.000 for what is negligible."""
    size = abs(value)
    if size >= 1e6:
        return f"{value:.1e}"
    if size < 5e-4:
        return "0.000"
    return f"{value:#.3g}" if size < 99.95 else f"{value:,.0f}"
