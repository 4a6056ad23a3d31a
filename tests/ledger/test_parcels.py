"""Points that move keep their life: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from loyalty.ledger.parcels import Life, Parcel, parcels
from loyalty.ledger.rules import Draw

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
LIVES = st.builds(
    Life,
    active=st.booleans(),
    expires_at=st.none() | st.integers(1, 3).map(lambda days: AT + timedelta(days=days)),
    idle_days=st.none() | st.just(30),
)


@given(st.lists(st.tuples(LIVES, st.integers(1, 1000)), max_size=12))
def test_parcels_are_the_draws_gathered_by_the_life_of_their_lots(
    held: list[tuple[Life, int]],
) -> None:
    lives = {number: life for number, (life, _) in enumerate(held, 1)}
    draws = [Draw(number, points) for number, (_, points) in enumerate(held, 1)]
    gathered = parcels(lives, draws)
    assert sorted((d.lot_id, d.points) for one in gathered for d in one.draws) == [
        (one.lot_id, one.points) for one in draws
    ]
    assert sum(one.points for one in gathered) == sum(points for _, points in held)
    assert len({one.life for one in gathered}) == len(gathered)
    assert all(lives[d.lot_id] == one.life for one in gathered for d in one.draws)


def test_the_first_drawn_arrives_first() -> None:
    soon, never = Life(expires_at=AT), Life()
    draws = [Draw(7, 1), Draw(3, 2), Draw(5, 4)]
    assert parcels({7: soon, 3: never, 5: soon}, draws) == [
        Parcel(soon, (Draw(7, 1), Draw(5, 4))),
        Parcel(never, (Draw(3, 2),)),
    ]
