"""Numbers as people read them, the same on a terminal, in a study's answer and in a report."""

from __future__ import annotations


def number(value: float | int | str | None, unit: str = "", *, sign: bool = False) -> str:
    """Four significant digits or more, thousands apart; ``-`` for what is undefined, texts as they are.

    Integers are whole. Voltages (``unit`` ``p.u.``) have four decimals, whatever their size: their differences matter.
    ``sign`` writes a plus, too.
    """
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    plus = "+" if sign else ""
    if isinstance(value, int):
        return f"{value:{plus},d}"
    return f"{value:{plus},.{_decimals(abs(value), unit)}f}"


def _decimals(size: float, unit: str) -> int:
    if unit == "p.u.":
        return 4
    if size == 0.0 or size >= 1_000.0:
        return 0
    return 1 if size >= 100.0 else 2 if size >= 10.0 else 3 if size >= 1.0 else 4
