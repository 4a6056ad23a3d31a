"""Points that move from one account to another keep how long they wait and live: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from loyalty.ledger.rules import Draw


class Life(NamedTuple):
    """Points that share it can stand in one lot. `once_released` is JSON, as the lot has it."""

    active: bool = True
    activates_at: datetime | None = None
    expires_at: datetime | None = None
    idle_days: int | None = None
    once_released: str | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """Points that move together and arrive as one lot, for they share their life."""

    life: Life
    draws: tuple[Draw, ...]

    @property
    def points(self) -> int:
        """How many points move."""
        return sum(one.points for one in self.draws)


def parcels(lives: Mapping[int, Life], draws: Iterable[Draw]) -> list[Parcel]:
    """The draws gathered by the life of their lots, in the order of the draws."""
    gathered: dict[Life, list[Draw]] = {}
    for one in draws:
        gathered.setdefault(lives[one.lot_id], []).append(one)
    return [Parcel(life, tuple(taken)) for life, taken in gathered.items()]
