"""How many of a program's points, in words."""

from __future__ import annotations

import pytest

from loyalty.programs.unit import counted


@pytest.mark.parametrize(
    ("points", "unit", "told"),
    [
        (0, "points", "0 points"),
        (1, "points", "1 point"),
        (1250, "miles", "1,250 miles"),
        (1, "bonus", "1 bonus"),
        (1, "Punkte", "1 Punkte"),
    ],
)
def test_one_is_not_many(points: int, unit: str, told: str) -> None:
    assert counted(points, unit) == told
