"""What a purchase is worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.promotions.rule import Rule, Version
from loyalty.promotions.rules import WhyNot, evaluate
from loyalty.promotions.worth import Rate, Rounding, Step, points_for

AT = datetime(2026, 7, 1, tzinfo=UTC)
MEMBER = MemberFacts(AT - timedelta(days=1), "basic", 0)
money = st.decimals("0.0001", "999999999999.9999", places=4)
rates = st.builds(Rate, st.integers(0, 1000), st.decimals("0.0001", "1000000", places=4))
steps = st.sampled_from(Step)
roundings = st.sampled_from(Rounding)
_OF_VERSION = frozenset({"promotion_id", "number", "starts_at", "ends_at"})


def standing(**changes: object) -> Version:
    own = {name: changes.pop(name) for name in list(changes) if name in _OF_VERSION}
    rule = Rule(**{"rates": {"USD": Rate(5, Decimal(100))}, **changes})  # type: ignore[arg-type]
    values: dict[str, object] = {"promotion_id": 1, "number": 1, "rule": rule, "standing": True}
    return Version(**{**values, **own})  # type: ignore[arg-type]


def purchase(amount: str, currency: str = "USD", at: datetime = AT, **more: object) -> Purchase:
    return Purchase("purchase", at, Decimal(amount), currency, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "step", "rounding", "points"),
    [
        ("250", Step.PROPORTIONAL, Rounding.DOWN, 12),
        ("250", Step.WHOLE, Rounding.DOWN, 10),
        ("250", Step.PROPORTIONAL, Rounding.HALF_UP, 13),
        ("249.99", Step.PROPORTIONAL, Rounding.HALF_UP, 12),
        ("240.0001", Step.PROPORTIONAL, Rounding.UP, 13),
        ("240", Step.PROPORTIONAL, Rounding.UP, 12),
        ("99.9999", Step.WHOLE, Rounding.UP, 0),
        ("0.0001", Step.PROPORTIONAL, Rounding.DOWN, 0),
    ],
)
def test_100_usd_are_5(amount: str, step: Step, rounding: Rounding, points: int) -> None:
    assert points_for(Decimal(amount), Rate(5, Decimal(100)), step, rounding)[0] == points


@given(money, rates, steps, roundings)
def test_points_and_remainder_make_exactly_the_worth(
    amount: Decimal, rate: Rate, step: Step, rounding: Rounding
) -> None:
    points, rest = points_for(amount, rate, step, rounding)
    worth = Fraction(*rest) + points
    assert worth * int(rate.per * 10_000) == int(amount * 10_000) * rate.points
    assert points >= 0


@given(money, money, rates, steps)
def test_more_money_never_gives_less(one: Decimal, other: Decimal, rate: Rate, step: Step) -> None:
    low, high = sorted((one, other))
    assert (
        points_for(low, rate, step, Rounding.DOWN)[0]
        <= points_for(high, rate, step, Rounding.DOWN)[0]
    )


@given(st.permutations([standing(promotion_id=id_, number=id_ % 3 + 1) for id_ in range(1, 6)]))
def test_the_order_in_which_promotions_are_listed_changes_nothing(versions: list[Version]) -> None:
    listed = evaluate(purchase("250"), versions, MEMBER).shares
    assert [share.promotion_id for share in listed] == [1, 2, 3, 4, 5]
    assert sum(share.points for share in listed) == 60


def test_versions_are_judged_by_when_it_occurred() -> None:
    switch = AT + timedelta(days=14)
    versions = [
        standing(number=2, rates={"USD": Rate(300, Decimal(1))}, starts_at=switch),
        standing(number=1, rates={"USD": Rate(100, Decimal(1))}, ends_at=switch),
    ]
    moment = timedelta(microseconds=1)
    given = [
        (share.version, share.points)
        for at in (switch - moment, switch, switch + moment)
        for share in evaluate(purchase("1", at=at), versions, MEMBER).shares
    ]
    assert given == [(1, 100), (2, 300), (2, 300)]


@pytest.mark.parametrize(
    ("bought", "version", "why_not"),
    [
        (purchase("250", "CHF"), standing(), WhyNot.CURRENCY_NOT_ACCEPTED),
        (Purchase("visit", AT), standing(), WhyNot.NOT_A_PURCHASE),
        (purchase("250", paid_otherwise=Decimal(250)), standing(), WhyNot.NOTHING_PAID),
        (
            purchase("250", at=AT - timedelta(days=2)),
            standing(before_joining=False),
            WhyNot.BEFORE_JOINING,
        ),
    ],
)
def test_what_gives_nothing_says_why(bought: Purchase, version: Version, why_not: WhyNot) -> None:
    [share] = evaluate(bought, [version], MEMBER).shares
    assert (share.points, share.why_not) == (0, why_not)


def test_what_was_not_spent_by_the_member_earns_nothing() -> None:
    bought = purchase("300", tax=Decimal(40), shipping=Decimal(10), paid_otherwise=Decimal(50))
    [all_of_it] = evaluate(bought, [standing()], MEMBER).shares
    [less] = evaluate(bought, [standing(excludes=frozenset({"tax", "shipping"}))], MEMBER).shares
    assert (all_of_it.base, less.base) == (Decimal(250), Decimal(200))


def test_a_purchase_in_a_currency_with_its_own_rate_earns_by_it() -> None:
    both = standing(rates={"USD": Rate(5, Decimal(100)), "JPY": Rate(1, Decimal(3000))})
    [share] = evaluate(purchase("9000", "JPY"), [both], MEMBER).shares
    assert share.points == 3
