"""Points that move from one account to another keep how long they wait and live: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from loyalty.ledger.rules import Draw, Lot


@dataclass(frozen=True, slots=True)
class Parcel:
    """Points that move together and arrive as one lot, for they live alike: as `life`, an empty
    lot."""

    life: Lot
    draws: tuple[Draw, ...]

    @property
    def points(self) -> int:
        """How many points move."""
        return sum(one.points for one in self.draws)


def parcels(lots: Iterable[Lot], draws: Iterable[Draw]) -> list[Parcel]:
    """The draws gathered by the life of their lots, in the order of the draws."""
    lives = {lot.id: replace(lot, id=0, remaining=0) for lot in lots}
    gathered: dict[Lot, list[Draw]] = {}
    for one in draws:
        gathered.setdefault(lives[one.lot_id], []).append(one)
    return [Parcel(life, tuple(taken)) for life, taken in gathered.items()]
