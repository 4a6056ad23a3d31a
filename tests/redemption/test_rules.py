"""What a burn costs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.ledger.rules import MAX_POINTS
from loyalty.redemption.rules import NotOffered, Price, Terms, price_of_amount, price_of_points

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
