"""A draft is tried on real purchases before it is published."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.clock import wall_clock
from loyalty.earning import rehearse as room
from loyalty.earning.award import award_activities
from loyalty.earning.prove import publish_proven
from loyalty.earning.rehearse import Rehearsal, rehearse
from loyalty.members.enrol import NewMember
from loyalty.programs.queries import Program
from loyalty.promotions.desk import every_promotion, promotion_by_key
from loyalty.promotions.draft import NoDraft, add_draft, add_promotion
from tests.catalogue.listed import list_products, list_retailers
from tests.earning.given import bought, stored
from tests.opened import opened

_DAY = timedelta(days=1)


@pytest.fixture
def at() -> datetime:
    """The ids of purchases are of the world's clock: so are these."""
    return wall_clock()


def _program(session: Session, at: datetime) -> Program:
    program = opened(session)
    for name in ("ann", "bob"):
        city = {"ann": "Oslo", "bob": "Rome"}[name]
        join(session, program, NewMember(name, attributes={"city": city}), at - _DAY)
    return program


def _draft(session: Session, program: Program, rule: dict[str, Any], key: str = "new") -> None:
    values = {"key": key, "name": key, "rule": rule, "fixtures": []}
    by = By("eve", None, wall_clock())
    add_promotion(session, program, {**values, "starts_at": None, "ends_at": None}, by)


def _publish(session: Session, program: Program, key: str, at: datetime) -> None:
    locked = promotion_by_key(session, program.id, key, lock=True)
    publish_proven(session, program, locked, By("eve", None, at))


def _buy(
    session: Session, program: Program, at: datetime, *buys: tuple[str, str], **more: Any
) -> None:
    for who, amount in buys:
        earn = bought(amount, who, occurred_at=at, **more)
        award_activities(session, stored(session, program, earn, at=at), at)


def _rehearse(
    session: Session, program: Program, at: datetime, most: int | None = None
) -> Rehearsal:
    promotion = promotion_by_key(session, program.id, "new")
    trial = rehearse(session, program, promotion, at - _DAY, at + _DAY, most=most)
    [told] = deque(trial, maxlen=1)
    return told


def _counts(told: Rehearsal) -> tuple[int, int, int, int]:
    return told.purchases, told.differ, told.before, told.after


def test_it_tells_what_would_have_come_out(session: Session, at: datetime) -> None:
    program = _program(session, at)
    _buy(session, program, at, ("ann", "10"), ("bob", "20"), ("ann", "1"))
    _draft(session, program, {"multiplier": "2", "when": {"amount": {"at_least": "10"}}})
    told = _rehearse(session, program, at)
    assert (_counts(told), len(told.accounts), told.complete) == ((3, 2, 31, 61), 2, True)
    keys = {one.id: one.key for one in every_promotion(session, program.id)}
    largest = [
        (one.before, one.after, {keys[promotion]: n for promotion, n in one.because.items()})
        for one in told.shown
    ]
    assert largest == [
        (20, 40, {"standing": 20, "new": 20}),
        (10, 20, {"standing": 10, "new": 10}),
    ]
    assert session.execute(text("SELECT sum(points) FROM award")).scalar_one() == 31


@pytest.mark.parametrize(
    ("when", "after"),
    [
        ({"member_attribute": {"name": "city", "in": ["Oslo"]}}, 46),
        ({"category": ["food"]}, 46),
        ({"brand": ["Mill"]}, 46),
        ({"region": ["north"]}, 46),
        ({"retailer": ["r-1"]}, 46),
        ({"first_purchase": True}, 56),
        ({"inactive": {"days": 1}}, 56),
        ({"tier": ["gold"]}, 36),
        ({"not": {"tier": ["gold"]}}, 66),
    ],
)
def test_what_the_draft_asks_for_is_read_as_it_is_now(
    session: Session, at: datetime, when: dict[str, Any], after: int
) -> None:
    program = _program(session, at)
    list_retailers(session, {"id": "r-1", "name": "R", "region": "north"})
    list_products(session, {"sku": "rye", "name": "Rye", "category": "food/bread", "brand": "Mill"})
    rye = [{"line_id": "1", "sku": "rye", "quantity": "1", "amount": "12"}]
    _buy(session, program, at, ("ann", "12"), body={"items": rye}, retailer="r-1")
    _buy(session, program, at, ("bob", "12"), ("bob", "12"))
    _draft(session, program, {"fixed": 10, "when": when})
    assert _counts(_rehearse(session, program, at))[2:] == (36, after)


def test_it_takes_the_place_of_the_version_in_force(session: Session, at: datetime) -> None:
    program = _program(session, at)
    _draft(session, program, {"multiplier": "2"})
    _publish(session, program, "new", at - timedelta(hours=1))
    _buy(session, program, at, ("ann", "10"))
    with pytest.raises(NoDraft):
        _rehearse(session, program, at)
    locked = promotion_by_key(session, program.id, "new", lock=True)
    values = {"rule": {"multiplier": "3"}, "starts_at": None, "ends_at": None}
    add_draft(session, program, locked, values, By("eve", None, at))
    assert _counts(_rehearse(session, program, at)) == (1, 1, 20, 30)


def test_its_limits_count_from_nothing_and_others_stay(session: Session, at: datetime) -> None:
    program = _program(session, at)
    capped = [{"of": "member", "per": "ever", "points": 5}]
    _draft(session, program, {"fixed": 4, "limits": capped}, "old")
    _publish(session, program, "old", at - timedelta(hours=1))
    _buy(session, program, at, ("ann", "10"), ("ann", "10"), ("bob", "10"))
    _draft(session, program, {"fixed": 3, "limits": capped})
    told = _rehearse(session, program, at)
    assert _counts(told) == (3, 3, 39, 39 + 3 + 2 + 3)


def test_it_goes_page_by_page_and_may_begin_later(
    session: Session, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PAGE", 2)
    program = _program(session, at)
    _buy(session, program, at, *[("ann", str(amount)) for amount in range(1, 6)])
    _draft(session, program, {"fixed": 1, "when": {"first_purchase": True}})
    assert _counts(_rehearse(session, program, at)) == (5, 1, 15, 16)
    newest = _rehearse(session, program, at, most=3)
    assert (_counts(newest), newest.complete) == ((3, 0, 12, 12), False)
    assert _rehearse(session, program, at, most=5).complete


def test_nothing_in_the_time_is_nothing_to_tell(session: Session, at: datetime) -> None:
    program = _program(session, at)
    _draft(session, program, {"fixed": 1})
    assert _counts(_rehearse(session, program, at)) == (0, 0, 0, 0)
