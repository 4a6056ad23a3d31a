"""Each type of condition: when it holds, what it says, and what it refuses by name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loyalty.conditions.facts import MemberFacts, Purchase, days_from
from loyalty.conditions.tree import asked, first_unmet, read_condition, types
from loyalty.errors import Invalid
from tests.conditions.facts import AT, BREAD, MEMBER, PURCHASE, WINE, holds

EACH, NONE = ["1", "2"], list[str]()
TILL = PURCHASE._replace(
    retailer="corner",
    store="main",
    region="north",
    channel="web",
    time_zone=ZoneInfo("Asia/Tokyo"),  # Saturday, 07:30
    attributes={"cabin": "business", "legs": 2, "tags": ["green", "fast"], "vip": True},
)
KNOWN = MEMBER._replace(
    attributes={"club": "rowing", "age": 41},
    segments=frozenset({"vip"}),
    boosts=frozenset({"coffee"}),
    first_purchase=True,
    inactive_days=90,
    days_from_birthday=-3,
    days_from_joining=2,
)

#: condition → the lines for which it holds, and how it is said
HOLDS: list[tuple[Any, list[str], str]] = [
    ({"sku": ["B-1", "X"]}, ["1"], "the product is B-1 or X"),
    ({"category": ["food"]}, ["1"], "the category is food"),
    ({"category": ["foo", "food/bread/rye"]}, NONE, "the category is foo or food/bread/rye"),
    ({"brand": ["Hill"]}, ["2"], "the brand is Hill"),
    ({"retailer": ["corner"]}, EACH, "the retailer is corner"),
    ({"retailer": ["other"]}, NONE, "the retailer is other"),
    ({"store": ["main"]}, EACH, "the store is main"),
    ({"region": ["north"]}, EACH, "the region is north"),
    ({"channel": ["app"]}, NONE, "the channel is app"),
    ({"currency": ["USD"]}, EACH, "the currency is USD"),
    ({"currency": ["EUR"]}, NONE, "the currency is EUR"),
    ({"tier": ["gold", "platinum"]}, EACH, "the tier is gold or platinum"),
    ({"segment": ["vip"]}, EACH, "the segment is vip"),
    ({"boost": ["coffee"]}, EACH, "the campaign that boosts the member is coffee"),
    ({"boost": ["tea"]}, NONE, "the campaign that boosts the member is tea"),
    ({"first_purchase": True}, EACH, "it is the member's first purchase"),
    ({"inactive": {"days": 90}}, EACH, "the member was inactive for 90 days"),
    ({"inactive": {"days": 91}}, NONE, "the member was inactive for 91 days"),
    ({"birthday": {}}, NONE, "it is the member's birthday"),
    (
        {"birthday": {"days_before": 3}},
        EACH,
        "it is from 3 days before to 0 days after the member's birthday",
    ),
    (
        {"joining_day": {"days_after": 2}},
        EACH,
        "it is from 0 days before to 2 days after the member's joining day",
    ),
    ({"weekday": ["sat"]}, EACH, "the day is sat"),
    ({"weekday": ["fri"]}, NONE, "the day is fri"),
    ({"hours": {"from": "07:30", "to": "08:00"}}, EACH, "the time is from 07:30 to 08:00"),
    ({"hours": {"from": "07:00", "to": "07:30"}}, NONE, "the time is from 07:00 to 07:30"),
    ({"hours": {"from": "22:00", "to": "08:00"}}, EACH, "the time is from 22:00 to 08:00"),
    ({"dates": {"from": "2026-07-04"}}, EACH, "the day is from 2026-07-04"),
    (
        {"dates": {"from": "2026-07-01", "to": "2026-07-03"}},
        NONE,
        "the day is from 2026-07-01 to 2026-07-03",
    ),
    ({"amount": {"at_least": "100"}}, EACH, "the amount is at least 100"),
    ({"amount": {"at_most": "99.99"}}, NONE, "the amount is at most 99.99"),
    (
        {"amount": {"at_least": "6.5", "of": {"category": ["food"]}}},
        EACH,
        "the amount where the category is food is at least 6.5",
    ),
    (
        {"amount": {"at_least": "6.51", "of": {"category": ["food"]}}},
        NONE,
        "the amount where the category is food is at least 6.51",
    ),
    (
        {"quantity": {"at_least": 3, "at_most": 3}},
        EACH,
        "the quantity is at least 3 and at most 3",
    ),
    (
        {"quantity": {"at_least": 2, "of": {"sku": ["B-1"]}}},
        EACH,
        "the quantity where the product is B-1 is at least 2",
    ),
    (
        {"attribute": {"name": "cabin", "in": ["business", "first"]}},
        EACH,
        "its cabin is business or first",
    ),
    ({"attribute": {"name": "tags", "in": ["fast"]}}, EACH, "its tags is fast"),
    ({"attribute": {"name": "vip", "in": [1]}}, NONE, "its vip is 1"),
    ({"attribute": {"name": "legs", "at_least": 2}}, EACH, "its legs is at least 2"),
    ({"attribute": {"name": "stops", "at_most": 2}}, NONE, "its stops is at most 2"),
    (
        {"member_attribute": {"name": "age", "at_least": 18, "at_most": 40}},
        NONE,
        "the member's age is at least 18 and at most 40",
    ),
    (
        {"member_attribute": {"name": "club", "in": ["rowing"]}},
        EACH,
        "the member's club is rowing",
    ),
    ({"not": {"sku": ["B-1"]}}, ["2"], "it is not so that the product is B-1"),
    (
        {"all": [{"sku": ["B-1", "W-1"]}, {"brand": ["Hill"]}]},
        ["2"],
        "the product is B-1 or W-1 and the brand is Hill",
    ),
    (
        {"any": [{"sku": ["B-1"]}, {"all": [{"brand": ["Hill"]}, {"tier": ["gold"]}]}]},
        EACH,
        "the product is B-1 or (the brand is Hill and the tier is gold)",
    ),
]


@pytest.mark.parametrize(("condition", "lines", "said"), HOLDS, ids=lambda one: str(one)[:60])
def test_a_condition_holds_and_says_so(condition: Any, lines: list[str], said: str) -> None:
    assert holds(condition, TILL, KNOWN) == lines
    assert read_condition(condition, "/when").says() == said


def test_every_type_is_tried() -> None:
    assert {key for condition, _, _ in HOLDS for key in condition} == set(types())


UNKNOWN_TO_NOBODY = {"attribute", "amount", "quantity", "not", "all", "any", "currency", "tier"}


@pytest.mark.parametrize("key", sorted(set(types()) - UNKNOWN_TO_NOBODY - {"weekday", "hours"}))
def test_what_is_unknown_does_not_hold(key: str) -> None:
    stranger = MemberFacts(AT, "basic", 0)
    bare = Purchase("visit", AT)
    for condition, _, _ in HOLDS:
        if key in condition and key != "dates":
            assert holds(condition, bare, stranger) == NONE


REFUSED: list[tuple[Any, str, str]] = [
    ([], "/when", "not_a_condition"),
    ({"sku": ["a"], "brand": ["b"]}, "/when", "not_a_condition"),
    ({"skus": ["a"]}, "/when/skus", "unknown_condition"),
    ({"sku": "a"}, "/when/sku", "not_a_list"),
    ({"sku": []}, "/when/sku", "wrong_length"),
    ({"sku": ["a", 7]}, "/when/sku/1", "not_a_text"),
    ({"sku": ["a" * 201]}, "/when/sku/0", "wrong_length"),
    ({"currency": ["usd"]}, "/when/currency/0", "not_a_currency"),
    ({"first_purchase": False}, "/when/first_purchase", "not_true"),
    ({"inactive": {}}, "/when/inactive/days", "required"),
    ({"inactive": {"days": 0}}, "/when/inactive/days", "out_of_range"),
    ({"birthday": {"days": 1}}, "/when/birthday/days", "unknown_field"),
    ({"joining_day": {"days_after": "1"}}, "/when/joining_day/days_after", "not_an_integer"),
    ({"weekday": ["mon", "mo"]}, "/when/weekday/1", "not_a_choice"),
    ({"hours": {"from": "7 pm", "to": "08:00"}}, "/when/hours/from", "not_a_time"),
    ({"hours": {"from": "08:00", "to": "08:00"}}, "/when/hours/to", "empty"),
    ({"hours": {"from": "08:00"}}, "/when/hours/to", "required"),
    ({"dates": {}}, "/when/dates", "required"),
    ({"dates": {"from": "3 July"}}, "/when/dates/from", "not_a_date"),
    ({"dates": {"from": "2026-07-02", "to": "2026-07-01"}}, "/when/dates/to", "before_from"),
    ({"amount": {}}, "/when/amount", "required"),
    ({"amount": {"at_least": "1e3"}}, "/when/amount/at_least", "not_a_number"),
    ({"amount": {"at_least": 1.5}}, "/when/amount/at_least", "not_a_number"),
    ({"amount": {"at_least": "-1"}}, "/when/amount/at_least", "out_of_range"),
    ({"amount": {"at_least": 2, "at_most": 1}}, "/when/amount/at_most", "below_at_least"),
    ({"quantity": {"at_least": 1, "of": {"sku": [""]}}}, "/when/quantity/of/sku/0", "wrong_length"),
    ({"attribute": {"name": "a"}}, "/when/attribute", "one_of_two"),
    ({"attribute": {"name": "a", "in": [None]}}, "/when/attribute/in/0", "not_a_value"),
    ({"member_attribute": {"in": ["x"]}}, "/when/member_attribute/name", "not_a_text"),
    ({"all": [{"any": [{"tier": [1]}]}]}, "/when/all/0/any/0/tier/0", "not_a_text"),
    ({"not": {"all": []}}, "/when/not/all", "wrong_length"),
    ({"all": [{"all": [{"sku": ["a"]}] * 99}, {"sku": ["a"]}]}, "/when", "too_many"),
]


@pytest.mark.parametrize(("condition", "pointer", "code"), REFUSED, ids=lambda one: str(one)[:60])
def test_what_is_wrong_is_refused_by_its_place(condition: Any, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_condition(condition, "/when")
    [error] = refused.value.errors
    assert (error.pointer, error.code) == (pointer, code)


def test_a_tree_is_bounded() -> None:
    deep: Any = {"sku": ["a"]}
    for _ in range(17):
        deep = {"not": deep}
    read_condition(deep, "/when")
    for _ in range(100_000):
        deep = {"not": deep}
    with pytest.raises(Invalid) as refused:
        read_condition(deep, "/when")
    assert refused.value.errors[0].code == "too_deep"


def test_a_tree_asks_for_what_its_parts_ask() -> None:
    tree = read_condition(
        {"all": [{"not": {"category": ["food", "drinks"]}}, {"tier": ["gold"]}, {"birthday": {}}]},
        "/when",
    )
    assert asked(tree) == {("category", "food"), ("category", "drinks"), ("birthday", "")}


def test_the_first_condition_that_fails_is_named() -> None:
    tree = read_condition(
        {"all": [{"sku": ["W-1"]}, {"all": [{"brand": ["Hill"]}, {"tier": ["basic"]}]}]}, "/when"
    )
    assert first_unmet(tree, PURCHASE, PURCHASE.counted, MEMBER).key == "tier"


@pytest.mark.parametrize(
    ("anniversary", "day", "days"),
    [
        (date(1990, 7, 4), date(2026, 7, 1), -3),
        (date(1990, 7, 4), date(2026, 7, 4), 0),
        (date(1990, 12, 30), date(2027, 1, 2), 3),
        (date(1990, 1, 2), date(2026, 12, 30), -3),
        (date(1992, 2, 29), date(2026, 2, 28), 0),
        (date(1992, 2, 29), date(2028, 2, 29), 0),
    ],
)
def test_days_from_an_anniversary(anniversary: date, day: date, days: int) -> None:
    assert days_from(anniversary, day) == days


def test_what_came_without_lines_is_one_line() -> None:
    assert holds({"amount": {"at_least": 1}}, PURCHASE._replace(lines=())) == [""]
    assert PURCHASE.counted == (BREAD, WINE)


def test_days_and_hours_are_those_of_the_retailer() -> None:
    tokyo = PURCHASE._replace(time_zone=ZoneInfo("Asia/Tokyo"))
    assert tokyo.local == datetime(2026, 7, 3, 22, 30, tzinfo=UTC)
    assert (tokyo.local.date(), PURCHASE.local.date()) == (date(2026, 7, 4), AT.date())
    assert AT - MEMBER.joined_at == timedelta(days=400)
