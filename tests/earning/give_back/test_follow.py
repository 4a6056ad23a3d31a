"""Besides points a return gives back limits, budgets, goals and what counted for a tier."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.award import award_activities
from loyalty.earning.prove import publish_proven
from loyalty.ledger.rules import Balance
from loyalty.programs.queries import Program
from loyalty.programs.settings import settings_from_json
from loyalty.promotions.desk import promotion_by_key
from loyalty.promotions.draft import add_promotion
from tests.campaigns.given import coffees, running
from tests.earning.give_back.given import given_back, items, returned, settled
from tests.earning.given import awarded, bought, stored
from tests.opened import AT, balance, give, joined, opened

EVE = By("eve", None, AT)


def program_with(session: Session, **settings: Any) -> Program:
    program = opened(session, settings=settings_from_json(settings))
    joined(session, program)
    return program


def promote(session: Session, program: Program, key: str, **rule: Any) -> None:
    """A published promotion of this rule, in force from now on."""
    values = {"key": key, "name": key.title(), "rule": rule, "fixtures": []}
    add_promotion(session, program, {**values, "starts_at": None, "ends_at": None}, EVE)
    locked = promotion_by_key(session, program.id, key, lock=True)
    publish_proven(session, program, locked, EVE)


def purchase(session: Session, program: Program, key: str, amount: str, **body: Any) -> int:
    """The points that a purchase was awarded."""
    [one] = stored(session, program, bought(amount, key=key, body=body or None))
    award_activities(session, [one], AT, top_up=False)
    return awarded(session, one)


def line(line_id: str, amount: str, sku: str) -> dict[str, str]:
    return {"line_id": line_id, "quantity": "1", "amount": amount, "sku": sku}


def test_what_was_earned_by_one_line_comes_back_with_that_line(session: Session) -> None:
    program = program_with(session)
    promote(session, program, "bread", when={"sku": ["rye"]}, multiplier="2")
    goods = [line("a", "30", "rye"), line("b", "70", "wine")]
    assert purchase(session, program, "t-1", "100", items=goods) == 130
    told = settled(session, program, returned("t-1", {"b": "1"}))
    assert (told.points, told.amount_back) == (70, Decimal(70))
    told = settled(session, program, returned("t-1", {"a": "1"}))
    assert told.explanation is not None
    assert [share["points"] for share in told.explanation["given_back"]] == [30, 30]
    assert (told.points, told.whole, balance(session, program)) == (60, True, Balance())


@pytest.mark.parametrize("of", ["member", "everyone"])
def test_a_limit_that_was_used_up_can_be_used_again(session: Session, of: str) -> None:
    program = program_with(session)
    limits = [{"of": of, "per": "month", "points": 50}]
    promote(session, program, "fixed", fixed=40, limits=limits)
    given = [purchase(session, program, key, "1") for key in ("t-1", "t-2", "t-3")]
    assert given == [41, 11, 1]
    assert given_back(session, program, returned("t-1")) == 41
    assert purchase(session, program, "t-4", "1") == 41
    assert purchase(session, program, "t-5", "1") == 1


def test_a_use_comes_back_with_the_whole_purchase_only(session: Session) -> None:
    program = program_with(session)
    limits = [{"of": "member", "per": "month", "uses": 1}]
    promote(session, program, "fixed", fixed=40, limits=limits)
    assert [purchase(session, program, key, "10") for key in ("t-1", "t-2")] == [50, 10]
    given_back(session, program, returned("t-1", amount="5"))
    assert purchase(session, program, "t-3", "10") == 10
    given_back(session, program, returned("t-1"))
    assert purchase(session, program, "t-4", "10") == 50


def test_pending_points_come_back_first(session: Session) -> None:
    program = program_with(session, pending={"days": 14})
    give(session, program, 100)
    purchase(session, program, "t-1", "30")
    assert balance(session, program) == Balance(pending=30, available=100)
    told = settled(session, program, returned("t-1", amount="20"))
    assert told.explanation is not None
    assert told.explanation["from"] == {"pending": 20}
    later = AT + timedelta(days=15)
    told = settled(session, program, returned("t-1"), later)
    assert told.explanation is not None
    assert told.explanation["from"] == {"own": 10}
    assert balance(session, program) == Balance(available=100)


def test_points_that_expired_are_not_taken_a_second_time(session: Session) -> None:
    program = program_with(session, expiry={"kind": "days", "n": 30})
    purchase(session, program, "t-1", "30")
    later = AT + timedelta(days=31)
    told = settled(session, program, returned("t-1"), later)
    assert told.explanation is not None
    assert told.explanation["from"] == {"gone": 30}
    assert balance(session, program) == Balance()


def counted(session: Session) -> list[Decimal]:
    """What counts for the goals of the one campaign."""
    found: list[Decimal] = session.execute(
        text("SELECT counted FROM campaign_progress")
    ).scalar_one()
    return found


def test_goals_lose_what_came_back(session: Session) -> None:
    program = program_with(session)
    running(session, program)
    coffees(session, program, 6)
    key = session.execute(text("SELECT transaction_id FROM activity")).scalar_one()
    assert counted(session) == [6]
    given_back(session, program, returned(key, {"1": "2"}))
    assert counted(session) == [4]
    given_back(session, program, returned(key))
    assert counted(session) == [0]


def test_what_a_campaign_has_paid_stays_paid(session: Session) -> None:
    program = program_with(session)
    running(session, program, {"kind": "buy", "times": 1})
    coffees(session, program, 6)
    award_activities(session, [], AT)
    assert balance(session, program) == Balance(available=106)
    key = session.execute(
        text("SELECT transaction_id FROM activity WHERE kind = 'purchase'")
    ).scalar_one()
    given_back(session, program, returned(key))
    assert balance(session, program) == Balance(available=100)


def test_spend_that_counted_for_a_tier_goes_back_and_the_tier_stays(session: Session) -> None:
    policy = {"window": "calendar_year", "on": "spend"}
    program = program_with(session, tier_policy=policy)
    purchase(session, program, "t-1", "600", **items(("a", "2", "600")))

    def standing() -> tuple[str, Any]:
        row = session.execute(
            text(
                "SELECT ms.tier_key, (SELECT sum(d.spend) FROM tier_progress d"
                " WHERE d.account_id = ms.account_id) AS spend FROM membership ms"
            )
        ).one()
        return row.tier_key, row.spend

    assert standing() == ("gold", 600)
    given_back(session, program, returned("t-1", {"a": "1"}))
    assert standing() == ("gold", 300)
