"""What holds of every set of promotions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.conditions.facts import Line, Purchase
from loyalty.promotions.allowance import Allowance
from loyalty.promotions.one_line import shares_of_one_line
from loyalty.promotions.rule import Version
from loyalty.promotions.rules import evaluate
from loyalty.promotions.stack import Stack
from loyalty.promotions.worth import Rounding, rounded, split
from tests.promotions.given import AT, MEMBER, earn_rate, version

money = st.decimals("0", "99999.9999", places=4)
skus = st.sampled_from(["B-1", "W-1", "C-1", None])
conditions = st.recursive(
    st.one_of(
        st.builds(lambda sku: {"sku": [sku]}, st.sampled_from(["B-1", "W-1"])),
        st.builds(lambda tier: {"tier": [tier]}, st.sampled_from(["gold", "basic"])),
        st.builds(lambda least: {"amount": {"at_least": f"{least}"}}, st.integers(0, 50_000)),
    ),
    lambda inner: st.one_of(
        st.builds(lambda one: {"not": one}, inner),
        st.builds(lambda some: {"any": some}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda some: {"all": some}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=4,
)
gives = st.one_of(
    st.builds(
        lambda points, per: {"rates": {"USD": {"points": points, "per": f"{per:f}"}}},
        st.integers(0, 500),
        st.decimals("0.01", "500", places=2),
    ),
    st.builds(lambda points: {"per_item": {"points": points, "per": "1"}}, st.integers(0, 50)),
    st.builds(lambda points: {"fixed": points}, st.integers(1, 500)),
    st.builds(lambda factor: {"multiplier": f"{factor:f}"}, st.decimals("1", "9", places=2)),
    st.just({"nothing": True}),
)
rules = st.builds(
    lambda gives, more, when: {**gives, **more, **({"when": when} if when else {})},
    gives,
    st.fixed_dictionaries(
        {
            "rounding": st.sampled_from(["down", "half_up", "up"]),
            "step": st.sampled_from(["proportional", "whole"]),
            "round_per": st.sampled_from(["transaction", "line"]),
            "instead": st.booleans(),
            "multiplies": st.sampled_from(["all", "standing"]),
            "excludes": st.sampled_from([[], ["tax"]]),
            "stacking": st.fixed_dictionaries(
                {
                    "mode": st.sampled_from(["add", "multiply"]),
                    "priority": st.integers(0, 2),
                    "exclusive": st.sampled_from([None, "a", "b"]),
                }
            ),
            "limits": st.sampled_from([[], [{"of": "member", "per": "month", "points": 40}]]),
        }
    ),
    st.one_of(st.none(), conditions),
)


@st.composite
def purchases(draw: st.DrawFn, most_lines: int = 4) -> Purchase:
    lines = tuple(
        Line(str(number), draw(money), Decimal(draw(st.integers(1, 5))), draw(skus))
        for number in range(draw(st.integers(0, most_lines)))
    )
    if draw(st.booleans()) and lines:
        lines = (*lines, Line("discount", -min(line.amount for line in lines)))
    tax = draw(money)
    amount = sum((line.amount for line in lines), tax) if lines else tax + draw(money)
    otherwise = min(draw(money), amount)
    return Purchase("purchase", AT, amount, "USD", tax, paid_otherwise=otherwise, lines=lines)


@st.composite
def stacks(draw: st.DrawFn) -> list[Version]:
    listed: list[dict[str, Any]] = draw(st.lists(rules, max_size=5))
    own = [earn_rate()] if draw(st.booleans()) else []
    return own + [version(number, **rule) for number, rule in enumerate(listed, 2)]


allowances = st.dictionaries(
    st.integers(2, 6), st.builds(Allowance, st.one_of(st.none(), st.integers(0, 60)), st.just(0))
)
many = settings(max_examples=300, deadline=None)


@many
@given(purchases(), stacks(), allowances, st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_listed_changes_nothing(
    purchase: Purchase, stack: list[Version], left: dict[int, Allowance], shuffle: Random
) -> None:
    listed = evaluate(purchase, stack, MEMBER, left)
    shuffled = list(stack)
    shuffle.shuffle(shuffled)
    assert evaluate(purchase, shuffled, MEMBER, left) == listed


@many
@given(purchases(), stacks(), allowances)
def test_no_share_is_negative_no_limit_exceeded_and_lines_make_the_whole(
    purchase: Purchase, stack: list[Version], left: dict[int, Allowance]
) -> None:
    rule_of = {one.promotion_id: one.rule for one in stack}
    decision = evaluate(purchase, stack, MEMBER, left)
    assert [share.promotion_id for share in decision.shares] == sorted(rule_of)
    for share in decision.shares:
        limits = rule_of[share.promotion_id].limits
        most = left.get(share.promotion_id, Allowance(40, 0)).points if limits else None
        assert share.points >= 0
        assert most is None or share.points <= most
        assert share.would_be is None or share.would_be > share.points
        assert sum(points for _, points in share.lines) == share.points
        assert all(points > 0 for _, points in share.lines)
        assert share.why_not is None or share.points == 0
    assert decision.points == sum(decision.lines.values())


@many
@given(purchases(most_lines=1), stacks(), allowances)
def test_of_one_line_the_short_way_says_what_the_long_one_says(
    purchase: Purchase, stack: list[Version], left: dict[int, Allowance]
) -> None:
    purchase = purchase._replace(lines=purchase.lines[:1])
    assert shares_of_one_line(purchase, stack, MEMBER, left) == Stack(
        purchase, MEMBER, left
    ).shares(stack)


@many
@given(purchases(), stacks())
def test_of_a_group_one_gives_at_most(purchase: Purchase, stack: list[Version]) -> None:
    decision = evaluate(purchase, stack, MEMBER)
    gave: dict[tuple[str, bool], list[int]] = {}
    for one, share in zip(stack, decision.shares, strict=True):
        if one.rule.exclusive and share.points:
            key = one.rule.exclusive, one.rule.gives == "multiplier"
            gave.setdefault(key, []).append(share.promotion_id)
    assert all(len(promotions) == 1 for promotions in gave.values())


@many
@given(st.integers(0, 10**15), st.integers(1, 10**9), st.sampled_from(Rounding))
def test_rounding_takes_less_than_a_point_and_is_monotone(
    parts: int, per: int, rounding: Rounding
) -> None:
    points, rest = rounded(parts, per, rounding)
    fraction = Fraction(*rest)
    assert (points + fraction) * per == parts
    assert -1 < fraction < 1
    assert rounded(parts + 1, per, rounding)[0] >= points


@many
@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_parts_make_the_whole_and_are_in_proportion(whole: int, weights: list[int]) -> None:
    parts = split(whole, weights)
    assert sum(parts) == whole
    total = sum(weights)
    if total:
        assert all(
            abs(part * total - whole * weight) < total
            for part, weight in zip(parts, weights, strict=True)
        )


@given(rules)
def test_a_rule_is_json(rule: dict[str, Any]) -> None:
    assert version(2, **orjson.loads(orjson.dumps(rule))) == version(2, **rule)
