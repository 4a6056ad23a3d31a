"""Points that move keep their life: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from loyalty.ledger.parcels import Parcel, parcels
from loyalty.ledger.rules import Draw, Lot
from loyalty.programs.life_of_points import Expiry

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
LIVES = st.builds(
    Lot,
    id=st.just(0),
    remaining=st.just(0),
    active=st.booleans(),
    expires_at=st.none() | st.integers(1, 3).map(lambda days: AT + timedelta(days=days)),
    idle_days=st.none() | st.just(30),
    once_released=st.none() | st.just(Expiry("days", 5)),
)


@given(st.lists(st.tuples(LIVES, st.integers(1, 1000)), max_size=12))
def test_parcels_are_the_draws_gathered_by_the_life_of_their_lots(
    held: list[tuple[Lot, int]],
) -> None:
    lots = [replace(life, id=n, remaining=points) for n, (life, points) in enumerate(held, 1)]
    draws = [Draw(lot.id, lot.remaining) for lot in lots]
    gathered = parcels(lots, draws)
    assert sorted((d.lot_id, d.points) for one in gathered for d in one.draws) == [
        (one.lot_id, one.points) for one in draws
    ]
    assert sum(one.points for one in gathered) == sum(points for _, points in held)
    assert len({one.life for one in gathered}) == len(gathered)
    assert all(held[d.lot_id - 1][0] == one.life for one in gathered for d in one.draws)


def test_the_first_drawn_arrives_first() -> None:
    soon, never = Lot(0, 0, expires_at=AT), Lot(0, 0)
    lots = [Lot(7, 9, AT), Lot(3, 9), Lot(5, 9, AT)]
    draws = [Draw(7, 1), Draw(3, 2), Draw(5, 4)]
    assert parcels(lots, draws) == [
        Parcel(soon, (Draw(7, 1), Draw(5, 4))),
        Parcel(never, (Draw(3, 2),)),
    ]
