"""However a purchase comes back in parts, the parts are what it earned, and never more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.earning.give_back.rules import (
    Asked,
    Before,
    Bought,
    Earned,
    GivenBack,
    Line,
    Policy,
    Refused,
    TakenFrom,
    There,
    apportion,
    give_back,
    take,
)

ALL = Asked()


def line(line_id: str, quantity: str = "1", amount: str = "10") -> Line:
    return Line(line_id, Decimal(quantity), Decimal(amount))


def bought(*lines: Line, more: str = "0") -> Bought:
    """A purchase of these lines, and `more` of tax and shipping."""
    return Bought(sum((one.amount for one in lines), Decimal(more)), lines)


def lines(**quantities: str) -> Asked:
    return Asked({line_id: Decimal(number) for line_id, number in quantities.items()})


def money(amount: str) -> Asked:
    return Asked(amount=Decimal(amount))


def returned(purchase: Bought, earned: Sequence[Earned], *asked: Asked) -> list[GivenBack]:
    """What each return gives back, one after the other; none is refused."""
    so_far: list[GivenBack] = []
    for one in asked:
        found = give_back(purchase, earned, before(so_far), one)
        assert isinstance(found, GivenBack), found
        so_far.append(found)
    return so_far


def before(so_far: Sequence[GivenBack]) -> Before:
    """What they gave back together."""
    quantities: dict[str, Decimal] = defaultdict(Decimal)
    for one in so_far:
        for line_id, quantity in one.quantities.items():
            quantities[line_id] += quantity
    return Before(
        quantities,
        sum((one.worth for one in so_far), Decimal(0)),
        tuple(map(sum, zip(*(one.points for one in so_far), strict=True))),
        any(one.whole for one in so_far),
    )


def points(found: Sequence[GivenBack]) -> list[int]:
    return [sum(one.points) for one in found]


@pytest.mark.parametrize(
    ("purchase", "earned", "asked", "expected"),
    [
        # Three equal items that earned 10, in one line, in three, and by their money.
        (bought(line("a", "3", "30")), [Earned(10)], [lines(a="1")] * 3, [4, 3, 3]),
        (
            bought(line("a"), line("b"), line("c")),
            [Earned(10)],
            [lines(c="1"), lines(a="1"), lines(b="1")],
            [4, 3, 3],
        ),
        (bought(line("a", "3", "30")), [Earned(10)], [money("10")] * 3, [4, 3, 3]),
        # A earned 7 and B nothing, for the promotion was for A.
        (bought(line("a"), line("b")), [Earned(7, {"a": 7})], [lines(b="1")], [0]),
        (bought(line("a"), line("b")), [Earned(7, {"a": 7})], [lines(b="1"), ALL], [0, 7]),
        # Two promotions, one of which knows its lines.
        (
            bought(line("a"), line("b")),
            [Earned(7, {"a": 7}), Earned(20)],
            [lines(b="1"), lines(a="1")],
            [10, 17],
        ),
        # Half of a kilogram; then what is left, by its money.
        (bought(line("a", "1.5", "15")), [Earned(15)], [lines(a="0.5"), money("10")], [5, 10]),
        # Money first, then the goods: what was taken is not taken again.
        (bought(line("a"), line("b")), [Earned(20)], [money("15"), lines(a="1")], [15, 5]),
        # A purchase without lines, and a visit without money.
        (Bought(Decimal(10)), [Earned(10)], [money("2.5"), ALL], [3, 7]),
        (Bought(), [Earned(50)], [ALL], [50]),
        # Shipping and discounts come back with the last line that was paid for.
        (
            bought(line("a"), line("b"), line("coupon", "1", "-5"), more="3"),
            [Earned(18)],
            [lines(a="1"), lines(b="1")],
            [9, 9],
        ),
        (bought(line("free", "2", "0"), more="4"), [Earned(4)], [lines(free="1"), ALL], [2, 2]),
        (bought(line("a")), [], [ALL], [0]),
    ],
)
def test_what_comes_back(
    purchase: Bought, earned: Sequence[Earned], asked: Sequence[Asked], expected: list[int]
) -> None:
    assert points(returned(purchase, earned, *asked)) == expected


@pytest.mark.parametrize(
    ("earlier", "asked", "reason", "detail"),
    [
        ([], lines(a="2.5"), "too_much_returned", "2.5 of line a returned, 2 left."),
        ([lines(a="1")], lines(a="2"), "too_much_returned", "2 of line a returned, 1 left."),
        ([], lines(x="1"), "unknown_line", "The purchase has no line x."),
        ([], money("30.01"), "too_much_returned", "30.01 returned, 30.00 of 30.00 left."),
        ([money("25")], money("6"), "too_much_returned", "6.00 returned, 5.00 of 30.00 left."),
        ([ALL], ALL, "too_much_returned", "All of the purchase was returned before."),
        ([ALL], money("1"), "too_much_returned", "All of the purchase was returned before."),
        (
            [lines(a="2"), lines(b="1")],
            lines(b="1"),
            "too_much_returned",
            "All of the purchase was returned before.",
        ),
    ],
)
def test_more_than_was_bought_is_refused(
    earlier: Sequence[Asked], asked: Asked, reason: str, detail: str
) -> None:
    purchase, earned = bought(line("a", "2", "20"), line("b")), [Earned(30)]
    so_far = before(returned(purchase, earned, *earlier))
    refused = give_back(purchase, earned, so_far, asked)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.detail) == (reason, detail)


def test_a_refusal_says_what_is_left() -> None:
    purchase, earned = bought(line("a", "2", "20"), line("b")), [Earned(30)]
    so_far = before(returned(purchase, earned, lines(a="0.5")))
    refused = give_back(purchase, earned, so_far, lines(a="2"))
    assert isinstance(refused, Refused)
    assert refused.quantities == {"a": Decimal("1.5"), "b": Decimal(1)}
    assert refused.worth == Decimal(25)


MONEY = st.integers(-20_0000, 500_0000).map(lambda cents: Decimal(cents) / 10_000)
QUANTITIES = st.integers(1, 9_0000).map(lambda part: Decimal(part) / 10_000)
POINTS = st.one_of(st.integers(0, 1000), st.just(2**53 - 1))


@st.composite
def purchases(draw: st.DrawFn) -> tuple[Bought, list[Earned]]:
    """A purchase of up to five lines, and what up to three promotions gave for it."""
    names = draw(st.lists(st.sampled_from("abcde"), unique=True, max_size=5))
    of = [Line(name, draw(QUANTITIES), draw(MONEY)) for name in names]
    total = sum((one.amount for one in of), Decimal(0))
    amount = max(Decimal("0.0001"), total + draw(st.integers(0, 50)))
    earned = [
        Earned(
            draw(POINTS),
            draw(st.dictionaries(st.sampled_from(names), st.integers(0, 99))) if names else {},
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return Bought(amount, tuple(of)), earned


def _asked(draw: st.DrawFn, purchase: Bought) -> Asked:
    by_line = draw(st.booleans())
    if purchase.lines and by_line:
        some = draw(st.lists(st.sampled_from(purchase.lines), unique=True, min_size=1))
        share = draw(st.integers(1, 4))
        return Asked({one.line_id: _part(one.quantity, share) for one in some})
    return Asked(amount=_part(purchase.amount, draw(st.integers(1, 4))))


def _part(number: Decimal, share: int) -> Decimal:
    return max(Decimal("0.0001"), (number / share).quantize(Decimal("0.0001")))


@settings(deadline=None)
@given(purchases(), st.data())
def test_the_parts_are_the_whole_and_never_more(
    made: tuple[Bought, list[Earned]], data: st.DataObject
) -> None:
    purchase, earned = made
    so_far: list[GivenBack] = []
    for _ in range(data.draw(st.integers(0, 6))):
        asked = data.draw(st.composite(_asked)(purchase))
        found = give_back(purchase, earned, before(so_far), asked)
        if isinstance(found, GivenBack):
            assert all(one >= 0 for one in found.points)
            assert found.worth >= 0
            so_far.append(found)
        for line_id, quantity in before(so_far).quantities.items():
            [bought_so] = [one for one in purchase.lines if one.line_id == line_id]
            assert quantity <= bought_so.quantity
        assert sum((one.worth for one in so_far), Decimal(0)) <= purchase.amount
    rest = give_back(purchase, earned, before(so_far), ALL)
    if isinstance(rest, GivenBack):
        so_far.append(rest)
    assert so_far[-1].whole
    assert list(before(so_far).points or ()) == [one.points for one in earned]
    assert sum(one.worth for one in so_far) == purchase.amount


@settings(deadline=None)
@given(st.integers(1, 40), POINTS, st.randoms(use_true_random=False))
def test_one_by_one_in_any_order_is_the_whole(count: int, earned: int, turn: object) -> None:
    purchase = bought(*(line(f"l{number}") for number in range(count)))
    order = list(range(count))
    turn.shuffle(order)  # type: ignore[attr-defined]
    found = returned(purchase, [Earned(earned)], *(lines(**{f"l{one}": "1"}) for one in order))
    assert sum(points(found)) == earned
    assert max(points(found)) - min(points(found)) <= 1


@given(
    st.integers(0, 2**53 - 1),
    st.dictionaries(st.text(max_size=3), st.integers(0, 10**16), min_size=1).filter(
        lambda weights: any(weights.values())
    ),
)
def test_parts_make_the_total(total: int, weights: dict[str, int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts.values()) == total
    assert all(part >= 0 for part in parts.values())
    assert all(parts[name] == 0 for name, weight in weights.items() if not weight)


@pytest.mark.parametrize(
    ("there", "policy", "expected"),
    [
        (There(pending=40, own=50, available=80), "owed", TakenFrom(40, 50, 0, 10)),
        (There(own=50, gone=20, available=80), "owed", TakenFrom(0, 50, 20, 30)),
        (There(own=50, available=60), "owed", TakenFrom(0, 50, 0, 10, owed=40)),
        (There(own=50, available=60), "within_balance", TakenFrom(0, 50, 0, 10, let_be=40)),
        (There(pending=40, own=50, available=60), "only_pending", TakenFrom(40, let_be=60)),
        (There(pending=200), "only_pending", TakenFrom(100)),
        (There(gone=100), "owed", TakenFrom(gone=100)),
    ],
)
def test_where_a_hundred_points_are_taken_from(
    there: There, policy: str, expected: TakenFrom
) -> None:
    assert take(100, there, Policy(policy)) == expected


AMOUNTS = st.integers(0, 300)


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.sampled_from(Policy))
def test_nothing_is_taken_that_is_not_there(
    wanted: int, pending: int, own: int, gone: int, others: int, policy: Policy
) -> None:
    there = There(pending, own, gone, own + others)
    taken = take(wanted, there, policy)
    assert sum(taken.named().values()) == wanted
    assert taken.moved == wanted - taken.gone - taken.let_be
    assert taken.pending <= pending
    assert taken.own <= own
    assert taken.gone <= gone
    assert taken.available <= others
    assert not taken.owed or policy is Policy.OWED
    assert not taken.let_be or policy is not Policy.OWED
