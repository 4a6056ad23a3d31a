"""Several promotions at once: what each gives, or why it gives nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.promotions.allowance import Allowance
from loyalty.promotions.rule import Version
from loyalty.promotions.rules import Decision, Share, WhyNot, evaluate
from tests.promotions.given import AT, MEMBER, bought, earn_rate, limit, line, version

BREAD = line("1", "6.50", "B-1", "2")
WINE = line("2", "93.50", "W-1")
BOTH = bought(BREAD, WINE)
ON_BREAD: dict[str, Any] = {"when": {"sku": ["B-1"]}}
ON_WINE: dict[str, Any] = {"when": {"sku": ["W-1"]}}


def decided(*versions: Version, purchase: Purchase = BOTH, **left: Any) -> Decision:
    return evaluate(purchase, versions, MEMBER, **left)


def points(*versions: Version, purchase: Purchase = BOTH, **left: Any) -> dict[int, int]:
    shares = decided(*versions, purchase=purchase, **left).shares
    return {share.promotion_id: share.points for share in shares}


def share_of(promotion_id: int, decision: Decision) -> Share:
    return next(share for share in decision.shares if share.promotion_id == promotion_id)


def test_a_promotion_gives_on_top_of_the_earn_rate() -> None:
    decision = decided(earn_rate(), version(2, rates={"USD": {"points": 2, "per": "1"}}, **ON_WINE))
    assert {share.promotion_id: share.points for share in decision.shares} == {1: 100, 2: 187}
    assert decision.points == 287
    assert decision.lines == {"1": 7, "2": 280}
    assert share_of(2, decision).base == Decimal("93.5")


def test_each_sort_of_giving() -> None:
    assert points(version(2, per_item={"points": 5, "per": "1"}, **ON_BREAD)) == {2: 10}
    assert points(version(2, per_item={"points": 5, "per": "3"}, step="whole")) == {2: 5}
    assert points(version(2, fixed=30, **ON_WINE)) == {2: 30}
    assert points(version(2, per_visit=7), purchase=Purchase("visit", AT)) == {2: 7}
    assert points(version(2, fixed=7, kinds=["event"]), purchase=Purchase("event", AT)) == {2: 7}


def test_a_kind_that_it_does_not_pay_for() -> None:
    [share] = decided(version(2, per_visit=7)).shares
    assert (share.points, share.why_not) == (0, WhyNot.OTHER_KIND)


def test_rounding_by_line_or_once() -> None:
    thirds = bought(line("1", "0.50"), line("2", "0.50"), line("3", "0.50"))
    assert points(earn_rate(), purchase=thirds) == {1: 1}
    assert points(earn_rate(round_per="line"), purchase=thirds) == {1: 0}
    assert points(earn_rate(round_per="line", rounding="half_up"), purchase=thirds) == {1: 3}


def test_points_stand_on_lines_in_proportion_and_exactly_in_sum() -> None:
    three = bought(line("1", "1"), line("2", "1"), line("3", "1"))
    assert decided(earn_rate(10, "3"), purchase=three).lines == {"1": 4, "2": 3, "3": 3}


def test_what_was_not_spent_falls_on_all_lines_alike() -> None:
    half = bought(line("1", "60", "B-1"), line("2", "60", "W-1"), paid_otherwise=Decimal(60))
    assert points(
        version(2, rates={"USD": {"points": 1, "per": "1"}}, **ON_BREAD), purchase=half
    ) == {2: 30}
    discount = bought(line("1", "60", "B-1"), line("2", "60", "W-1"), line("3", "-20"))
    assert points(earn_rate(), version(2, fixed=1, **ON_WINE), purchase=discount) == {1: 100, 2: 1}
    on_bread = version(2, rates={"USD": {"points": 1, "per": "1"}}, **ON_BREAD)
    assert points(on_bread, purchase=discount) == {2: 50}
    own = bought(line("1", "60", "B-1"), line("2", "60", "W-1"), line("3", "-20", "B-1"))
    assert points(on_bread, purchase=own) == {2: 40}


def test_a_condition_that_fails_is_named() -> None:
    [share] = decided(
        version(2, fixed=1, when={"all": [{"sku": ["B-1"]}, {"tier": ["basic"]}]})
    ).shares
    assert (share.why_not, share.unmet) == (WhyNot.CONDITION, "tier")


def test_lines_that_earn_nothing_earn_nothing_anywhere() -> None:
    decision = decided(
        earn_rate(), version(2, nothing=True, **ON_WINE), version(3, fixed=9, **ON_WINE)
    )
    assert [(share.points, share.why_not) for share in decision.shares] == [
        (6, None),
        (0, None),
        (0, WhyNot.BARRED),
    ]
    assert share_of(2, decision).base == Decimal("93.5")


def test_instead_of_the_earn_rate() -> None:
    instead = version(2, rates={"USD": {"points": 100, "per": "1"}}, instead=True, **ON_WINE)
    assert points(earn_rate(), instead) == {1: 6, 2: 9350}
    whole = version(2, fixed=1, instead=True)
    assert share_of(1, decided(earn_rate(), whole)).why_not is WhyNot.REPLACED
    unmet = version(2, fixed=1, instead=True, when={"tier": ["basic"]})
    assert points(earn_rate(), unmet) == {1: 100, 2: 0}


def test_of_an_exclusive_group_the_best_one_gives() -> None:
    low = version(2, fixed=10, stacking={"exclusive": "summer", "priority": 9})
    high = version(3, fixed=20, stacking={"exclusive": "summer"})
    other = version(4, fixed=5, stacking={"exclusive": "winter"})
    decision = decided(low, high, other)
    assert [(share.points, share.why_not, share.would_be) for share in decision.shares] == [
        (0, WhyNot.EXCLUSIVE, 10),
        (20, None, None),
        (5, None, None),
    ]


def test_of_equals_the_higher_priority_gives_then_the_older() -> None:
    group = {"exclusive": "summer"}
    one, other = (version(promotion, fixed=10, stacking=group) for promotion in (2, 3))
    assert points(one, other) == {2: 10, 3: 0}
    first = version(3, fixed=10, stacking={**group, "priority": 1})
    assert points(one, first) == {2: 0, 3: 10}


def test_the_best_of_a_group_is_what_its_limit_leaves() -> None:
    used_up = version(2, fixed=100, stacking={"exclusive": "summer"}, limits=[limit(100)])
    other = version(3, fixed=20, stacking={"exclusive": "summer"})
    assert points(used_up, other) == {2: 100, 3: 0}
    left = {2: Allowance(5, 0)}
    decision = decided(used_up, other, allowances=left)
    assert [share.points for share in decision.shares] == [0, 20]
    assert share_of(2, decision).would_be == 5


def test_who_loses_replaces_nothing() -> None:
    group = {"exclusive": "summer"}
    loses = version(2, fixed=1, instead=True, stacking=group)
    wins = version(3, fixed=2, stacking=group)
    assert points(earn_rate(), loses, wins) == {1: 100, 2: 0, 3: 2}


def test_multipliers_add_or_compound() -> None:
    double, triple = version(2, multiplier="2"), version(3, multiplier="3")
    assert points(earn_rate(), double, triple) == {1: 100, 2: 100, 3: 200}
    compounds = version(3, multiplier="3", stacking={"mode": "multiply"})
    assert points(earn_rate(), double, compounds) == {1: 100, 2: 100, 3: 400}
    first = version(3, multiplier="3", stacking={"mode": "multiply", "priority": 1})
    assert points(earn_rate(), double, first) == {1: 100, 2: 100, 3: 200}


def test_a_multiplier_counts_what_was_given_for_its_lines() -> None:
    extra = version(2, rates={"USD": {"points": 1, "per": "1"}}, **ON_WINE)
    on_wine = version(3, multiplier="1.5", rounding="half_up", **ON_WINE)
    decision = decided(earn_rate(), extra, on_wine)
    assert {share.promotion_id: share.points for share in decision.shares} == {1: 100, 2: 93, 3: 93}
    assert decision.lines == {"1": 7, "2": 279}
    standing_alone = version(3, multiplier="2", multiplies="standing")
    assert points(earn_rate(), extra, standing_alone) == {1: 100, 2: 93, 3: 100}


def test_exclusive_multipliers() -> None:
    group = {"exclusive": "double"}
    double, on_bread = (
        version(2, multiplier="2", stacking=group),
        version(3, multiplier="10", stacking=group, **ON_BREAD),
    )
    assert points(earn_rate(), double, on_bread) == {1: 100, 2: 100, 3: 0}


def test_who_has_nothing_of_its_own_to_multiply_is_no_second_of_its_group() -> None:
    own = {"mode": "multiply", "exclusive": "double"}
    fixed = version(2, fixed=10)
    double = version(3, multiplier="2", stacking={**own, "priority": 1})
    of_nothing = version(4, multiplier="2", multiplies="standing", stacking=own)
    assert points(fixed, double, of_nothing) == {2: 10, 3: 10, 4: 0}


def test_nothing_to_multiply() -> None:
    [share] = decided(version(2, multiplier="2")).shares
    assert (share.points, share.why_not) == (0, WhyNot.NOTHING_TO_MULTIPLY)


def test_a_limit_cuts_and_says_so() -> None:
    capped = version(2, fixed=30, limits=[limit(100, 3), limit(1000, of="everyone")])
    assert points(capped) == {2: 30}
    [cut] = decided(capped, allowances={2: Allowance(12, 1)}).shares
    assert (cut.points, cut.would_be, cut.left, cut.limit, cut.why_not) == (12, 30, 12, 1, None)
    [none] = decided(capped, allowances={2: Allowance(0, 0)}).shares
    assert (none.points, none.would_be, none.left, none.why_not) == (0, 30, 0, WhyNot.LIMIT)
    [free] = decided(capped, allowances={2: Allowance(None, None)}).shares
    assert (free.points, free.left) == (30, None)


def test_a_first_award_above_the_whole_limit_is_cut() -> None:
    [share] = decided(version(2, fixed=300, limits=[limit(50)])).shares
    assert (share.points, share.would_be) == (50, 300)


def test_what_a_limit_cut_still_stands_on_its_lines() -> None:
    capped = version(2, rates={"USD": {"points": 1, "per": "1"}}, limits=[limit(10)])
    assert decided(capped).lines == {"1": 1, "2": 9}


@pytest.mark.parametrize("kind", ["visit", "event"])
def test_the_earn_rate_pays_for_purchases(kind: str) -> None:
    decision = evaluate(Purchase(kind, AT), [earn_rate()], MemberFacts(AT, "basic", 0))
    assert [share.why_not for share in decision.shares] == [WhyNot.NOT_A_PURCHASE]
