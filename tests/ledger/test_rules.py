"""How points move: properties that hold whatever the figures are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.ledger.rules import (
    MAX_POINTS,
    Balance,
    Bucket,
    Kind,
    Lot,
    LotsTooShort,
    OutOfRange,
    draw,
    drawn,
    due,
    expiry_after_return,
    move,
    settled,
)

AT = datetime(2026, 7, 1, tzinfo=UTC)
OWN = {Bucket.PENDING, Bucket.AVAILABLE, Bucket.HELD, Bucket.OWED}
figures = st.integers(0, MAX_POINTS)
balances = st.builds(Balance, figures, figures, figures, figures)
buckets = st.sampled_from(list(Bucket))
instants = st.integers(-1000, 1000).map(lambda days: AT + timedelta(days=days))
lots = st.lists(
    st.builds(
        Lot,
        id=st.integers(1, 10**6),
        remaining=st.integers(0, 1000),
        expires_at=st.none() | instants,
        activates_at=st.none() | instants,
        active=st.booleans(),
    ),
    unique_by=lambda lot: lot.id,
    max_size=30,
)


@given(balances, buckets, buckets, st.integers(1, MAX_POINTS))
def test_a_movement_changes_the_net_by_what_crosses_the_accounts_border(
    balance: Balance, from_bucket: Bucket, to_bucket: Bucket, points: int
) -> None:
    try:
        after = move(balance, from_bucket, to_bucket, points)
    except (OutOfRange, ValueError):
        return
    came_in = points * ((to_bucket in OWN) - (from_bucket in OWN))
    assert after.net == balance.net + came_in
    assert all(
        0 <= figure <= MAX_POINTS
        for figure in (after.pending, after.available, after.held, after.owed)
    )


@given(balances, buckets, buckets, st.integers(1, MAX_POINTS))
def test_back_again_is_where_it_was(
    balance: Balance, from_bucket: Bucket, to_bucket: Bucket, points: int
) -> None:
    try:
        there = move(balance, from_bucket, to_bucket, points)
    except (OutOfRange, ValueError):
        return
    assert move(there, to_bucket, from_bucket, points) == balance


def test_a_debt_rises_when_points_leave_owed_and_falls_when_they_reach_it() -> None:
    in_debt = move(Balance(), Bucket.OWED, Bucket.REVERSED, 500)
    assert in_debt == Balance(owed=500)
    assert move(in_debt, Bucket.ISSUED, Bucket.OWED, 100) == Balance(owed=400)


@pytest.mark.parametrize(
    ("balance", "from_bucket", "to_bucket", "points"),
    [
        (Balance(available=9), Bucket.AVAILABLE, Bucket.REDEEMED, 10),
        (Balance(available=MAX_POINTS), Bucket.ISSUED, Bucket.AVAILABLE, 1),
        (Balance(owed=1), Bucket.ISSUED, Bucket.OWED, 2),
    ],
)
def test_no_bucket_leaves_its_range(
    balance: Balance, from_bucket: Bucket, to_bucket: Bucket, points: int
) -> None:
    with pytest.raises(OutOfRange):
        move(balance, from_bucket, to_bucket, points)


@pytest.mark.parametrize("points", [0, -1])
def test_no_points_are_no_movement(points: int) -> None:
    with pytest.raises(ValueError, match="no movement"):
        move(Balance(available=5), Bucket.AVAILABLE, Bucket.REDEEMED, points)


@given(lots, st.integers(1, 5000))
def test_draws_sum_to_what_was_asked_or_refuse(lots: list[Lot], points: int) -> None:
    usable = [lot for lot in lots if lot.active and (lot.expires_at is None or lot.expires_at > AT)]
    there = sum(lot.remaining for lot in usable)
    if there < points:
        with pytest.raises(LotsTooShort) as refused:
            draw(lots, points, AT)
        assert (refused.value.there, refused.value.asked) == (there, points)
        return
    draws = draw(lots, points, AT)
    assert sum(one.points for one in draws) == points
    assert {one.lot_id for one in draws} <= {lot.id for lot in usable}
    assert all(lot.remaining >= 0 for lot in drawn(lots, draws))


@given(lots, st.integers(1, 5000))
def test_no_lot_pays_while_one_that_goes_before_it_has_points_left(
    lots: list[Lot], points: int
) -> None:
    try:
        draws = draw(lots, points, AT)
    except LotsTooShort:
        return
    left = {lot.id: lot.remaining for lot in drawn(lots, draws)}
    by_id = {lot.id: lot for lot in lots}
    never = datetime.max.replace(tzinfo=UTC)
    order = [(by_id[one.lot_id].expires_at or never, one.lot_id) for one in draws]
    assert order == sorted(order)
    assert all(left[one.lot_id] == 0 for one in draws[:-1])
    for lot in lots:
        usable = lot.active and (lot.expires_at is None or lot.expires_at > AT)
        if usable and lot.remaining and (lot.expires_at or never, lot.id) < order[-1]:
            assert left[lot.id] == 0


def _balance(lots: list[Lot]) -> Balance:
    return Balance(
        pending=sum(lot.remaining for lot in lots if not lot.active),
        available=sum(lot.remaining for lot in lots if lot.active),
    )


_WAYS = {
    Kind.ACTIVATE: (Bucket.PENDING, Bucket.AVAILABLE),
    Kind.EXPIRE: (Bucket.AVAILABLE, Bucket.EXPIRED),
}


@given(lots)
def test_what_is_due_leads_from_the_lots_as_they_were_to_those_that_are_settled(
    lots: list[Lot],
) -> None:
    balance, turns = _balance(lots), due(lots, AT)
    for turn in turns:
        balance = move(balance, *_WAYS[turn.kind], turn.points)
    assert balance == _balance(settled(lots, AT))
    assert [turn.at for turn in turns] == sorted(turn.at for turn in turns)
    assert all(turn.at <= AT for turn in turns)


@given(lots)
def test_what_is_settled_is_not_due_again(lots: list[Lot]) -> None:
    left = settled(lots, AT)
    assert due(left, AT) == []
    assert settled(left, AT) == left
    assert {lot.id for lot in left} <= {lot.id for lot in lots}


@given(lots, st.integers(0, 400))
def test_settling_twice_on_the_way_is_settling_once(lots: list[Lot], days: int) -> None:
    before = AT - timedelta(days=days)
    assert settled(settled(lots, before), AT) == settled(lots, AT)
    once = sum(turn.points for turn in due(lots, AT))
    twice = [*due(lots, before), *due(settled(lots, before), AT)]
    assert sum(turn.points for turn in twice) == once


@given(lots, st.integers(1, 5000))
def test_a_draw_is_the_same_before_and_after_settling(lots: list[Lot], points: int) -> None:
    left = [lot for lot in settled(lots, AT) if lot.active]
    active = [lot for lot in lots if lot.active]
    waited = {lot.id for lot in left} - {lot.id for lot in active}
    try:
        draws = draw([lot for lot in left if lot.id not in waited], points, AT)
    except LotsTooShort:
        return
    assert draws == draw(active, points, AT)


@given(st.none() | instants, st.integers(0, 100))
def test_what_returns_lives_as_it_did_or_expires_or_has_its_grace(
    expires_at: datetime | None, grace_days: int
) -> None:
    lives_until = expiry_after_return(expires_at, AT, grace_days)
    if expires_at is None or expires_at > AT:
        assert lives_until == expires_at
    elif grace_days:
        assert lives_until == AT + timedelta(days=grace_days)
    else:
        assert lives_until is not None
        assert lives_until <= AT
