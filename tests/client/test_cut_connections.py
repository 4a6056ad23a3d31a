"""The bank commits and the connection is cut before its answer comes: nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from loyalty_client import Loyalty, NewMember, Patience, Program, Return, Unreachable
from tests.client.cutter import Cut, Cutter, cutter_to
from tests.client.given import bought
from tests.scenarios.door import Door

_QUICK = Patience(total_s=20, attempt_s=0.4, first_pause_s=0.01, longest_pause_s=0.1)


@pytest.fixture
def cutter(door: Door) -> Iterator[Cutter]:
    """Stands between the client and the bank; it cuts nothing yet."""
    with cutter_to(urlsplit(door.base_url).port or 0) as cutter:
        yield cutter


@pytest.fixture
def shaky(door: Door, cutter: Cutter) -> Iterator[Loyalty]:
    """A client whose way leads through the cutter."""
    with Loyalty(f"http://127.0.0.1:{cutter.port}", door.token, patience=_QUICK) as loyalty:
        yield loyalty


def _buy(loyalty: Loyalty) -> object:
    posted = loyalty.program("wine").earn(bought("10", transaction_id="R-2"))
    return loyalty.wait(posted.id, within_s=20).points


def _buy_many(loyalty: Loyalty) -> object:
    orders = [bought("1", transaction_id=f"R-{number}") for number in range(10, 20)]
    outcomes = loyalty.program("wine").earn_batch(orders)
    for one in outcomes:
        loyalty.wait(one.id or "", within_s=20)
    return len(outcomes)


def _spend(loyalty: Loyalty) -> object:
    return loyalty.program("wine").redeem("ada", points=10).points


def _hold_and_capture(loyalty: Loyalty) -> object:
    held = loyalty.program("wine").hold("ada", 600, points=10)
    return loyalty.capture(held.id).points


def _spend_and_cancel(loyalty: Loyalty) -> object:
    spent = loyalty.program("wine").redeem("ada", points=10)
    return loyalty.cancel(spent.id, 4).cancelled


def _give(loyalty: Loyalty) -> object:
    return loyalty.program("wine").adjust("ada", 10, "a gift").reason


def _bring_back(loyalty: Loyalty) -> object:
    posted = loyalty.program("wine").give_back(Return("till-1", "R-1", "B-1", amount=10))
    return loyalty.wait_returned(posted.id, within_s=20).points


def _join(loyalty: Loyalty) -> object:
    return loyalty.program("wine").enrol(NewMember("ben")).status


def _leave(loyalty: Loyalty) -> object:
    return loyalty.program("wine").leave("ada").status


_ACTS: list[tuple[Callable[[Loyalty], object], object, int]] = [
    (_buy, 10, 110),
    (_buy_many, 10, 110),
    (_spend, 10, 90),
    (_hold_and_capture, 10, 90),
    (_spend_and_cancel, 4, 94),
    (_give, "a gift", 110),
    (_bring_back, 10, 90),
    (_join, "active", 100),
    (_leave, "cancelled", 0),
]


@pytest.mark.parametrize("cut", list(Cut))
@pytest.mark.parametrize(("act", "told", "left"), _ACTS, ids=[act.__name__ for act, _, _ in _ACTS])
def test_each_answer_is_lost_twice(
    wine: Program,
    shaky: Loyalty,
    cutter: Cutter,
    act: Callable[[Loyalty], object],
    told: object,
    left: int,
    cut: Cut,
) -> None:
    wine.earn(bought("100", transaction_id="R-1"), wait_s=20)
    cutter.cut(cut, times=4)
    assert act(shaky) == told
    assert cutter.left <= 2
    assert wine.member("ada").points.available == left
    assert sum(one.change.available for one in wine.statement("ada")) == left


def test_what_was_lost_for_good_is_made_again_by_its_key(
    wine: Program, door: Door, cutter: Cutter
) -> None:
    wine.adjust("ada", 100, "a gift")
    hurried = Patience(total_s=0.3, attempt_s=0.2, first_pause_s=0.01, longest_pause_s=0.02)
    cutter.cut(Cut.BEFORE_THE_ANSWER, times=1000, in_a_row=1000)
    with Loyalty(f"http://127.0.0.1:{cutter.port}", door.token, patience=hurried) as loyalty:
        with pytest.raises(Unreachable) as lost:
            loyalty.program("wine").redeem("ada", points=10)
        assert wine.member("ada").points.available == 90
        cutter.cut(Cut.BEFORE_THE_ANSWER, times=0)
        again = loyalty.program("wine").redeem("ada", points=10, key=lost.value.key)
    assert (again.points, wine.member("ada").points.available) == (10, 90)


def test_many_threads_on_a_shaky_line(wine: Program, shaky: Loyalty, cutter: Cutter) -> None:
    wine.adjust("ada", 1000, "a gift")
    cutter.cut(Cut.BEFORE_THE_ANSWER, times=60)  # of 140

    def spend(_: int) -> str:
        return shaky.program("wine").redeem("ada", points=1).id

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(spend, range(80)))
    assert cutter.left == 0
    assert len(set(made)) == 80
    assert wine.member("ada").points.available == 920
    assert len(list(wine.redemptions("ada"))) == 80
