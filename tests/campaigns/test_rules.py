"""How far a member is in a campaign: properties that hold whatever comes, in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.campaigns.rules import (
    Campaign,
    Goal,
    GoalKind,
    Happening,
    Measure,
    Progress,
    advance,
    counted,
    in_this_round,
    start,
)
from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import read_condition

AT = datetime(2026, 7, 1, tzinfo=UTC)
ANN = MemberFacts(AT, "basic", 0)
Course = tuple[Campaign, list[tuple[Decimal, ...]]]  # a campaign and what comes for its goals
BREAD = read_condition({"sku": ["bread"]}, "")


def campaign(*targets: int, needed: int | None = None, times: int = 1) -> Campaign:
    goals = tuple(Goal(GoalKind.BUY, Decimal(target), Measure.QUANTITY) for target in targets)
    return Campaign(1, 1, "c", "C", goals, needed or len(goals), times, ())


def after(one: Campaign, steps: Sequence[Sequence[Decimal]]) -> Progress:
    return reduce(lambda progress, added: advance(one, progress, added), steps, start(one))


@st.composite
def campaigns(draw: st.DrawFn) -> Campaign:
    targets = draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    return campaign(
        *targets,
        needed=draw(st.integers(1, len(targets))),
        times=draw(st.integers(1, 8)),
    )


@st.composite
def courses(draw: st.DrawFn) -> Course:
    one = draw(campaigns())
    amounts = st.decimals(0, 30, places=2)
    added = st.tuples(*(amounts for _ in one.goals))
    return one, draw(st.lists(added, max_size=12))


@given(courses(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_come_changes_no_completion(
    course: Course, random: Random
) -> None:
    one, steps = course
    shuffled = list(steps)
    random.shuffle(shuffled)
    assert after(one, shuffled).completed == after(one, steps).completed


@given(courses())
def test_all_at_once_is_one_by_one(course: Course) -> None:
    one, steps = course
    sums = tuple(sum((step[goal] for step in steps), Decimal(0)) for goal in range(len(one.goals)))
    assert after(one, [sums]).completed == after(one, steps).completed


@given(courses())
def test_it_is_completed_for_the_nth_time_when_enough_goals_were_met_n_times(
    course: Course,
) -> None:
    one, steps = course
    completed = after(one, steps).completed
    sums = [sum((step[goal] for step in steps), Decimal(0)) for goal in range(len(one.goals))]

    def enough(n: int) -> bool:
        met = [total >= n * goal.wanted for goal, total in zip(one.goals, sums, strict=True)]
        return sum(met) >= one.needed

    assert completed == max(n for n in range(one.times + 1) if n == 0 or enough(n))


@given(courses())
def test_what_is_completed_never_falls_and_never_exceeds_its_times(
    course: Course,
) -> None:
    one, steps = course
    progress = start(one)
    returned = [tuple(-more for more in step) for step in steps[::2]]
    for added in [*steps, *returned, *steps]:
        then = advance(one, progress, added)
        assert progress.completed <= then.completed <= one.times
        progress = then


@given(campaigns(), st.integers(1, 20))
def test_buying_and_returning_for_ever_completes_it_no_more_often_than_buying_once(
    one: Campaign, rounds: int
) -> None:
    bought = tuple(goal.wanted for goal in one.goals)
    returned = tuple(-more for more in bought)
    assert after(one, [bought, returned] * rounds).completed == 1
    assert after(one, [bought, returned] * rounds + [bought]).completed == 1


@given(courses())
def test_a_round_shows_nothing_below_zero_nor_above_what_is_wanted(
    course: Course,
) -> None:
    one, steps = course
    for cut in range(len(steps) + 1):
        progress = after(one, steps[:cut])
        shown = in_this_round(one, progress)
        assert all(0 <= now <= goal.wanted for now, goal in zip(shown, one.goals, strict=True))
        met = sum(now == goal.wanted for now, goal in zip(shown, one.goals, strict=True))
        assert (met >= one.needed) == (progress.completed == one.times)


@given(courses())
def test_what_was_not_completed_is_taken_back_to_where_it_was(
    course: Course,
) -> None:
    one, steps = course
    before = after(one, steps)
    for step in steps:
        there = advance(one, before, step)
        if there.completed == before.completed and there is not before:
            assert advance(one, there, tuple(-more for more in step)) == before


# What one happening adds to a goal --------------------------------------------------------------


def bought(
    *lines: Line, currency: str = "USD", tax: str = "0", paid_otherwise: str = "0"
) -> Happening:
    amount = sum((line.amount for line in lines), Decimal(0)) + Decimal(tax)
    purchase = Purchase(
        "purchase",
        AT,
        amount,
        currency,
        tax=Decimal(tax),
        paid_otherwise=Decimal(paid_otherwise),
        lines=lines,
    )
    return Happening(purchase, ANN)


def line(sku: str, amount: str, quantity: str = "1") -> Line:
    return Line(sku, Decimal(amount), Decimal(quantity), sku)


@pytest.mark.parametrize(
    ("happening", "amount", "quantity", "times"),
    [
        (bought(line("bread", "101")), "101", "1", "1"),
        (bought(line("bread", "60", "2"), line("bread", "5.5", "0.5")), "65.5", "2.5", "1"),
        (bought(line("bread", "60"), line("wine", "60")), "60", "1", "1"),
        (bought(line("wine", "60")), "0", "0", "0"),
        (bought(line("bread", "60"), line("bread", "-10")), "50", "1", "1"),
        (bought(line("bread", "60"), currency="EUR"), "0", "1", "1"),
        (bought(line("bread", "60"), tax="6", paid_otherwise="36"), "30", "1", "1"),
        (Happening(Purchase("visit", AT), ANN), "0", "0", "0"),
    ],
)
def test_what_was_bought(happening: Happening, amount: str, quantity: str, times: str) -> None:
    for measure, expected in (
        (Measure.AMOUNT, amount),
        (Measure.QUANTITY, quantity),
        (Measure.TIMES, times),
    ):
        goal = Goal(GoalKind.BUY, Decimal(3), measure, when=BREAD, currency="USD")
        assert counted(goal, happening) == Decimal(expected), measure


@pytest.mark.parametrize(("amount", "expected"), [("99", 0), ("100", 1), ("101", 1), ("250", 1)])
def test_at_once_a_purchase_counts_once_or_not_at_all(amount: str, expected: int) -> None:
    goal = Goal(GoalKind.BUY, Decimal(100), Measure.AMOUNT, True, BREAD, "USD")
    assert goal.wanted == 1
    assert counted(goal, bought(line("bread", amount))) == expected


def test_a_purchase_that_names_no_items_is_one_piece_of_anything() -> None:
    plain = Happening(Purchase("purchase", AT, Decimal(12), "USD", tax=Decimal(2)), ANN)
    anything = Goal(GoalKind.BUY, Decimal(5), Measure.QUANTITY)
    assert counted(anything, plain) == 1
    spent = Goal(GoalKind.BUY, Decimal(5), Measure.AMOUNT, currency="USD")
    assert counted(spent, plain) == 10
    bread = Goal(GoalKind.BUY, Decimal(5), Measure.QUANTITY, when=BREAD)
    assert counted(bread, plain) == 0


def test_goals_that_are_not_bought() -> None:
    visit = Goal(GoalKind.VISIT, Decimal(5))
    review = Goal(GoalKind.ACTIVITY, Decimal(1), attributes={"type": "review"})
    gold = Goal(GoalKind.TIER, Decimal(1), tier="gold")
    friends = Goal(GoalKind.REFERRAL, Decimal(3))
    came = Happening(Purchase("visit", AT), ANN)
    wrote = Happening(Purchase("event", AT, attributes={"type": "review", "stars": 5}), ANN)
    rose = Happening(Purchase("purchase", AT), ANN, frozenset({"gold", "platinum"}))
    brought = Happening(Purchase("bonus", AT), ANN, referred=1)
    assert [
        [counted(goal, one) for one in (came, wrote, rose, brought)]
        for goal in (visit, review, gold, friends)
    ] == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_the_window_is_of_when_it_occurred() -> None:
    day = timedelta(days=1)
    june = Campaign(1, 1, "c", "C", (), 1, 1, (), AT - day, AT)
    assert [june.counts_at(AT + day * n) for n in (-2, -1, 0)] == [False, True, False]
    assert campaign(1).counts_at(AT)
