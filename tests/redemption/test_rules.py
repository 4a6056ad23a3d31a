"""What a burn costs, and what may become of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.ledger.rules import MAX_POINTS, Draw, Lot, draw, drawn
from loyalty.redemption.rules import (
    NotOffered,
    Price,
    State,
    Status,
    Terms,
    TooMany,
    WrongState,
    cancelled,
    captured,
    forfeits,
    last_drawn,
    next_step,
    price_of_amount,
    price_of_points,
    released,
    returns_to_stock,
    status_at,
)

AT = datetime(2026, 7, 1, tzinfo=UTC)
USUAL = Terms(points=100, worth=Decimal("1.00"))
MOST_MONEY = Decimal("999999999999.9999")
TEN_THOUSANDTH = Fraction(1, 10_000)

money = st.decimals(Decimal("0.0001"), MOST_MONEY, places=4)
points = st.integers(1, MAX_POINTS)
rates = st.builds(Terms, points=points, worth=money)


@pytest.mark.parametrize(("asked", "amount"), [(1, "0.01"), (100, "1"), (250, "2.5")])
def test_points_are_worth_what_the_program_says(asked: int, amount: str) -> None:
    assert price_of_points(USUAL, asked) == Price(asked, Decimal(amount))


def test_points_worth_more_than_money_can_say_are_refused() -> None:
    most = 99_999_999_999_999
    assert price_of_points(USUAL, most).amount == Decimal("999999999999.99")
    with pytest.raises(NotOffered) as refused:
        price_of_points(USUAL, MAX_POINTS)
    assert (refused.value.why, refused.value.limit) == ("above_maximum", most)


@pytest.mark.parametrize(
    ("amount", "charged"),
    [("0.0001", 1), ("0.01", 1), ("0.0101", 2), ("1.00", 100), ("2.5", 250), ("2.501", 251)],
)
def test_an_amount_is_charged_rounded_up(amount: str, charged: int) -> None:
    assert price_of_amount(USUAL, Decimal(amount)).points == charged


def test_three_points_for_one_are_rounded_down_in_money() -> None:
    assert price_of_points(Terms(3, Decimal(1)), 1).amount == Decimal("0.3333")


@pytest.mark.parametrize(
    ("asked", "why", "limit"),
    [(99, "below_minimum", 100), (130, "not_a_step", 50), (550, "above_maximum", 500)],
)
def test_the_terms_refuse_by_name(asked: int, why: str, limit: int) -> None:
    terms = replace(USUAL, min_points=100, step=50, max_points=500)
    with pytest.raises(NotOffered) as by_points:
        price_of_points(terms, asked)
    with pytest.raises(NotOffered) as by_amount:
        price_of_amount(terms, Decimal(asked) / 100)
    for refused in (by_points.value, by_amount.value):
        assert (refused.why, refused.points, refused.limit) == (why, asked, limit)


@pytest.mark.parametrize("asked", [100, 150, 500])
def test_the_limits_themselves_are_allowed(asked: int) -> None:
    terms = replace(USUAL, min_points=100, step=50, max_points=500)
    assert price_of_points(terms, asked).points == asked


@given(rates, money)
def test_an_amount_is_never_undercharged_nor_overcharged_by_a_point(
    terms: Terms, amount: Decimal
) -> None:
    exact = Fraction(amount) * terms.points / Fraction(terms.worth)
    charged = price_of_amount(terms, amount).points
    assert charged - 1 < exact <= charged


@given(rates, points)
def test_points_are_never_worth_more_than_they_are(terms: Terms, asked: int) -> None:
    exact = Fraction(asked) * Fraction(terms.worth) / terms.points
    if exact >= Fraction(MOST_MONEY) + TEN_THOUSANDTH:
        with pytest.raises(NotOffered) as refused:
            price_of_points(terms, asked)
        assert refused.value.limit < asked
    else:
        worth = Fraction(price_of_points(terms, asked).amount)
        assert worth <= exact < worth + TEN_THOUSANDTH


@given(rates, points)
def test_paying_what_points_are_worth_costs_no_more_than_those_points(
    terms: Terms, asked: int
) -> None:
    try:
        amount = price_of_points(terms, asked).amount
    except NotOffered:
        return
    if amount:
        assert price_of_amount(terms, amount).points <= asked


@given(rates, points, st.integers(1, 1000), points, points)
def test_what_is_offered_keeps_to_the_terms(
    rate: Terms, asked: int, step: int, least: int, most: int
) -> None:
    terms = replace(rate, step=step, min_points=min(least, most), max_points=max(least, most))
    try:
        charged = price_of_points(terms, asked).points
    except NotOffered:
        return
    assert charged == asked
    assert charged % step == 0
    assert min(least, most) <= charged <= max(least, most)


def _hold(points: int = 100, for_s: int = 60) -> State:
    return State("held", points, hold_expires_at=AT + timedelta(seconds=for_s))


def test_a_hold_has_lapsed_from_the_instant_at_which_its_time_is_over() -> None:
    until = AT + timedelta(seconds=60)
    assert status_at(_hold(), until - timedelta(microseconds=1)) == "held"
    assert status_at(_hold(), until) == "lapsed"
    assert status_at(replace(_hold(), status="captured"), until) == "captured"


def test_a_hold_is_captured_as_a_whole_or_in_part() -> None:
    assert captured(_hold(), None, AT) == (100, 0)
    assert captured(_hold(), 40, AT) == (40, 60)
    assert released(_hold(), AT) == 100
    with pytest.raises(TooMany) as refused:
        captured(_hold(), 101, AT)
    assert refused.value.most == 100


@pytest.mark.parametrize(
    "status", ["redeemed", "captured", "released", "lapsed", "partly_cancelled", "cancelled"]
)
def test_only_what_is_held_is_captured_or_released(status: Status) -> None:
    one = replace(_hold(), status=status)
    with pytest.raises(WrongState, match=f"{status.replace('_', ' ')}, not held"):
        captured(one, None, AT)
    with pytest.raises(WrongState):
        released(one, AT)
    with pytest.raises(WrongState, match="lapsed, not held"):
        captured(_hold(for_s=0), None, AT)


@pytest.mark.parametrize("status", ["held", "released", "lapsed", "cancelled"])
def test_only_what_is_spent_is_cancelled(status: Status) -> None:
    with pytest.raises(WrongState):
        cancelled(State(status, 100), None)


@given(st.integers(1, 1000), st.integers(0, 999), st.lists(st.integers(1, 1000), max_size=8))
def test_cancelled_in_parts_is_never_more_than_was_spent(
    points: int, released_before: int, parts: list[int]
) -> None:
    state = State("captured", points, released=min(released_before, points - 1))
    spent = state.spent
    for part in parts:
        if state.status == "cancelled":
            with pytest.raises(WrongState):
                cancelled(state, part)
        elif part > state.spent:
            with pytest.raises(TooMany):
                cancelled(state, part)
        else:
            back, status = cancelled(state, part)
            state = replace(state, status=status, cancelled=state.cancelled + back)
            assert (status == "cancelled") == (state.cancelled == spent)
    if state.status != "cancelled":
        assert cancelled(state, None) == (spent - state.cancelled, "cancelled")


def test_what_cost_nothing_is_cancelled_as_a_whole() -> None:
    won = State("redeemed", 0)
    assert cancelled(won, None) == (0, "cancelled")
    with pytest.raises(TooMany):
        cancelled(won, 1)


def test_goods_are_shipped_once_and_delivered_once() -> None:
    ordered = State("redeemed", 1, fulfilment="ordered")
    assert next_step(ordered, "ship") == "shipped"
    assert next_step(replace(ordered, fulfilment="shipped"), "deliver") == "delivered"
    for fulfilment, step in (("ordered", "deliver"), ("shipped", "ship"), ("delivered", "deliver")):
        with pytest.raises(WrongState):
            next_step(replace(ordered, fulfilment=fulfilment), step)  # type: ignore[arg-type]
    for state in (replace(ordered, status="cancelled"), State("redeemed", 1)):
        with pytest.raises(WrongState, match="nothing to ship"):
            next_step(state, "ship")


def test_what_was_shipped_is_not_in_stock_again() -> None:
    assert [returns_to_stock(one) for one in (None, "ordered")] == [True, True]
    assert [returns_to_stock(one) for one in ("shipped", "delivered")] == [False, False]


def test_who_has_left_has_lost_what_comes_back() -> None:
    before, joined_at, after = AT - timedelta(1), AT, AT + timedelta(1)
    assert forfeits("cancelled", joined_at, after)
    assert forfeits("active", joined_at, before)
    assert not forfeits("active", joined_at, after)
    assert not forfeits("suspended", joined_at, after)


lots_of_points = st.lists(st.integers(1, 50), min_size=1, max_size=6).map(
    lambda sizes: [Lot(number, size) for number, size in enumerate(sizes, start=1)]
)


@given(lots_of_points, st.data())
def test_a_burn_of_which_a_part_came_back_has_drawn_what_a_smaller_burn_would(
    lots: list[Lot], data: st.DataObject
) -> None:
    there = sum(lot.remaining for lot in lots)
    burnt = data.draw(st.integers(1, there))
    back = data.draw(st.integers(1, burnt))
    draws = draw(lots, burnt, AT)
    returns = last_drawn(draws, back)
    assert sum(one.points for one in returns) == back
    after = {lot.id: lot.remaining for lot in drawn(lots, draws)}
    for one in returns:
        after[one.lot_id] += one.points
    smaller = drawn(lots, draw(lots, burnt - back, AT))
    assert after == {lot.id: lot.remaining for lot in smaller}


def test_no_more_comes_back_than_was_drawn() -> None:
    with pytest.raises(TooMany) as refused:
        last_drawn([Draw(1, 3), Draw(2, 4)], 8)
    assert refused.value.most == 7
