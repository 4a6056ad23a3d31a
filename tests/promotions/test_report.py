"""What a promotion has cost and brought."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.earning.prove import publish_proven
from loyalty.errors import Invalid
from loyalty.programs.queries import Program
from loyalty.programs.settings import EarnRate, ProgramSettings, Rate
from loyalty.promotions.desk import promotion_by_key
from loyalty.promotions.draft import add_promotion
from loyalty.promotions.report import Report, report
from tests.earning.give_back.given import returned, settled
from tests.earning.given import bought, stored
from tests.opened import joined, opened


def _publish(
    session: Session, program: Program, key: str, rule: dict[str, Any], at: datetime
) -> None:
    values = {"key": key, "name": key, "rule": rule, "fixtures": []}
    add_promotion(
        session, program, {**values, "starts_at": None, "ends_at": None}, By("eve", None, at)
    )
    locked = promotion_by_key(session, program.id, key, lock=True)
    publish_proven(session, program, locked, By("eve", None, at))


def _buy(session: Session, program: Program, at: datetime, *buys: tuple[str, str, str]) -> None:
    for who, amount, currency in buys:
        earn = bought(amount, who, occurred_at=at, currency=currency)
        award_activities(session, stored(session, program, earn, at=at), at)


def _report(
    session: Session, program: Program, key: str, since: datetime, until: datetime
) -> Report:
    promotion = promotion_by_key(session, program.id, key)
    return report(session, program, promotion, since, until)


def test_a_report_adds_up_what_was_recorded_in_a_time(session: Session) -> None:
    at = wall_clock()
    rate = EarnRate(currencies={"EUR": Rate(1, Decimal(1))})
    program = opened(session, settings=ProgramSettings(earn_rate=rate))
    for name in ("ann", "bob"):
        joined(session, program, name)
    limits = [{"of": "member", "per": "ever", "points": 25}]
    _publish(session, program, "double", {"multiplier": "2", "limits": limits}, at)
    _publish(session, program, "never", {"multiplier": "2", "when": {"sku": ["x"]}}, at)
    _buy(
        session,
        program,
        at,
        ("ann", "10", "USD"),
        ("ann", "20.50", "USD"),
        ("ann", "4", "USD"),
        ("bob", "7", "EUR"),
    )
    since, until = at - timedelta(seconds=1), at + timedelta(seconds=1)
    told = _report(session, program, "double", since, until)
    assert told == Report(
        since,
        until,
        points=32,
        cost=Decimal("0.32"),
        awards=3,
        members=2,
        sales={"EUR": Decimal(7), "USD": Decimal("30.5")},
        capped=2,
        cut=9,
        points_returned=0,
        cost_returned=Decimal("0.00"),
        sales_returned={},
    )
    assert _report(session, program, "standing", since, until).points == 41
    assert _report(session, program, "never", since, until).awards == 0
    assert _report(session, program, "double", since - timedelta(days=9), at).points == 0
    assert _report(session, program, "double", at, until).points == 32


def test_a_report_tells_what_came_back(session: Session) -> None:
    at = wall_clock()
    program = opened(session)
    joined(session, program, "ann")
    _publish(session, program, "rye", {"multiplier": "3", "when": {"sku": ["rye"]}}, at)
    rye = {"line_id": "rye", "quantity": "4", "amount": "20", "sku": "rye"}
    lamp = {"line_id": "lamp", "quantity": "1", "amount": "5"}
    for key, amount, *lines in (("both", "25", rye, lamp), ("rye", "20", rye)):
        earn = bought(amount, key=key, occurred_at=at, body={"items": lines})
        award_activities(session, stored(session, program, earn, at=at), at)
    since, until = at - timedelta(seconds=1), at + timedelta(seconds=1)

    def back(key: str, lines: dict[str, str] | None) -> Report:
        settled(session, program, returned(key, lines), at)
        return _report(session, program, "rye", since, until)

    back("both", {"lamp": "1"})
    told = back("both", {"rye": "1"})
    assert (told.points, told.cost, told.sales) == (80, Decimal("0.80"), {"USD": Decimal(45)})
    assert (told.points_returned, told.cost_returned) == (10, Decimal("0.10"))
    assert told.sales_returned == {"USD": Decimal(10)}
    assert _report(session, program, "standing", since, until).points_returned == 10
    back("rye", None)
    told = back("both", None)
    assert (told.points, told.points_returned, told.sales_returned) == (80, 80, told.sales)


@pytest.mark.parametrize("length", [timedelta(), timedelta(days=-1), timedelta(days=94)])
def test_a_time_is_not_endless(session: Session, length: timedelta) -> None:
    at = wall_clock()
    program = opened(session)
    with pytest.raises(Invalid):
        _report(session, program, "standing", at, at + length)
