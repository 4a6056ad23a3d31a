"""What a program calls its points, in a sentence: pure."""

from __future__ import annotations


def counted(points: int, unit: str) -> str:
    """`1 point`, `1,250 miles`. A unit is told in its plural; a `bonus` is none."""
    plural = unit.endswith("s") and not unit.endswith(("ss", "us"))
    return f"{points:,} {unit[:-1] if points == 1 and plural else unit}"
