"""A rule in JSON: what it becomes, and what is refused by the name of its field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loyalty.errors import Invalid
from loyalty.programs.life_of_points import Expiry, Pending
from loyalty.promotions.rule import Gives, Limit, Period, Rule
from loyalty.promotions.rules_form import read_rule
from loyalty.promotions.standing import standing_rule
from loyalty.promotions.worth import Rate, Rounding, Step


def test_every_field() -> None:
    rule = read_rule(
        {
            "when": {"category": ["food"]},
            "multiplier": "2.5",
            "kinds": ["purchase", "event"],
            "step": "whole",
            "rounding": "half_up",
            "round_per": "line",
            "excludes": ["tax"],
            "before_joining": False,
            "instead": True,
            "multiplies": "standing",
            "stacking": {"mode": "multiply", "priority": 7, "exclusive": "summer"},
            "limits": [{"of": "everyone", "per": "week", "points": 9, "uses": 3}],
            "pending": {"days": 14},
            "expiry": {"kind": "end_of_year", "n": 1},
        }
    )
    assert rule.when is not None
    assert rule == Rule(
        gives=Gives.MULTIPLIER,
        factor=Decimal("2.5"),
        kinds=frozenset({"purchase", "event"}),
        when=rule.when,
        asks=rule.when.asks(),
        step=Step.WHOLE,
        rounding=Rounding.HALF_UP,
        by_line=True,
        excludes=frozenset({"tax"}),
        before_joining=False,
        instead=True,
        of_standing=True,
        compounds=True,
        priority=7,
        exclusive="summer",
        limits=(Limit(Period.WEEK, True, 9, 3),),
        pending=Pending(days=14),
        expiry=Expiry("end_of_year", 1),
    )


def test_what_is_left_out_is_the_default() -> None:
    assert read_rule({"fixed": 5}) == Rule(gives=Gives.FIXED, points=5)
    assert read_rule({"per_visit": 5}).kinds == {"visit"}
    assert read_rule({"per_item": {"points": 5, "per": 2}}).rate == Rate(5, Decimal(2))
    nothing: dict[str, Any] = {"when": None, "rates": None, "limits": [], "stacking": {}}
    assert read_rule({**nothing, "nothing": True}) == Rule(gives=Gives.NOTHING)


def test_the_earn_rate_is_of_the_same_form() -> None:
    stored = standing_rule({"USD": {"points": 5, "per": "100"}}, excludes=("tax",))
    assert read_rule(stored) == Rule(
        rates={"USD": Rate(5, Decimal(100))}, excludes=frozenset({"tax"})
    )


REFUSED: list[tuple[Any, str, str]] = [
    ([], "/rule", "not_an_object"),
    ({}, "/rule", "one_of"),
    ({"fixed": 5, "per_visit": 5}, "/rule", "one_of"),
    ({"fixed": 5, "color": "red"}, "/rule/color", "unknown_field"),
    ({"fixed": 0}, "/rule/fixed", "out_of_range"),
    ({"fixed": "5"}, "/rule/fixed", "not_an_integer"),
    ({"nothing": False}, "/rule/nothing", "not_true"),
    ({"multiplier": "0.5"}, "/rule/multiplier", "out_of_range"),
    ({"multiplier": "1.00001"}, "/rule/multiplier", "not_a_number"),
    ({"rates": {}}, "/rule/rates", "not_rates"),
    ({"rates": {"usd": {"points": 1, "per": 1}}}, "/rule/rates/usd", "not_a_currency"),
    ({"rates": {"USD": {"points": 1}}}, "/rule/rates/USD/per", "required"),
    ({"rates": {"USD": {"points": 1, "per": "0"}}}, "/rule/rates/USD/per", "out_of_range"),
    ({"per_item": {"points": -1, "per": "1"}}, "/rule/per_item/points", "out_of_range"),
    ({"fixed": 5, "kinds": ["purchase", "gift"]}, "/rule/kinds/1", "not_a_choice"),
    ({"fixed": 5, "rounding": "nearest"}, "/rule/rounding", "not_a_choice"),
    ({"fixed": 5, "round_per": "item"}, "/rule/round_per", "not_a_choice"),
    ({"fixed": 5, "excludes": ["vat"]}, "/rule/excludes/0", "not_a_choice"),
    ({"fixed": 5, "before_joining": "no"}, "/rule/before_joining", "not_a_boolean"),
    ({"fixed": 5, "stacking": {"order": 1}}, "/rule/stacking/order", "unknown_field"),
    ({"fixed": 5, "stacking": {"priority": -1}}, "/rule/stacking/priority", "out_of_range"),
    ({"fixed": 5, "stacking": {"exclusive": ""}}, "/rule/stacking/exclusive", "wrong_length"),
    ({"fixed": 5, "limits": [{"of": "member"}]}, "/rule/limits/0/per", "required"),
    ({"fixed": 5, "limits": [{"of": "member", "per": "day"}]}, "/rule/limits/0", "required"),
    (
        {"fixed": 5, "limits": [{"of": "all", "per": "day", "uses": 1}]},
        "/rule/limits/0/of",
        "not_a_choice",
    ),
    (
        {"fixed": 5, "limits": [{"of": "member", "per": "day", "uses": 0}]},
        "/rule/limits/0/uses",
        "out_of_range",
    ),
    ({"fixed": 5, "limits": [{}] * 11}, "/rule/limits", "wrong_length"),
    ({"fixed": 5, "pending": {"days": 1, "until": "released"}}, "/rule/pending", "days_or_until"),
    ({"fixed": 5, "pending": {"days": "1"}}, "/rule/pending/days", "not_an_integer"),
    ({"fixed": 5, "expiry": {"kind": "soon"}}, "/rule/expiry/kind", "not_a_choice"),
    ({"fixed": 5, "expiry": {"kind": "days"}}, "/rule/expiry/n", "missing"),
    ({"fixed": 5, "when": {"sku": [7]}}, "/rule/when/sku/0", "not_a_text"),
]


@pytest.mark.parametrize(("rule", "pointer", "code"), REFUSED, ids=lambda one: str(one)[:60])
def test_what_is_wrong_is_refused_by_its_place(rule: Any, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_rule(rule)
    [error] = refused.value.errors
    assert (error.pointer, error.code) == (pointer, code)
