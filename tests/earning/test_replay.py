"""Every award comes out again, of whatever promotions, members and catalogue it was made."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.accept import Earn
from loyalty.earning.award import award_activities
from loyalty.earning.bonus import pay_bonus
from loyalty.earning.replay import Miscount, replay, replay_lately
from loyalty.programs.queries import Program
from loyalty.transaction import across_tenants, transaction
from tests.earning.given import bought, open_ids, published, stored
from tests.opened import AT, joined, opened
from tests.tenant import TestTenant

DAY = timedelta(days=1)
MONTHLY = {"of": "member", "per": "month"}
RULES: dict[str, dict[str, Any]] = {
    "bread": {"per_item": {"points": 3, "per": "1"}, "when": {"category": ["food/bread"]}},
    "mill": {"fixed": 9, "when": {"brand": ["Mill"]}, "limits": [{**MONTHLY, "points": 100}]},
    "north": {"multiplier": "2", "when": {"region": ["north"]}, "rounding": "half_up"},
    "evening": {
        "multiplier": "1.5",
        "stacking": {"mode": "multiply"},
        "when": {"weekday": ["wed"]},
    },
    "first": {"fixed": 50, "when": {"first_purchase": True}},
    "back": {"fixed": 7, "when": {"inactive": {"days": 3}}},
    "birthday": {"fixed": 11, "when": {"birthday": {"days_before": 9, "days_after": 9}}},
    "club": {"fixed": 13, "when": {"member_attribute": {"name": "club", "in": ["rowing"]}}},
    "gold": {"fixed": 17, "when": {"tier": ["gold"]}, "limits": [{**MONTHLY, "uses": 3}]},
    "low": {"fixed": 2, "stacking": {"exclusive": "x"}},
    "high": {
        "rates": {"USD": {"points": 1, "per": "10"}},
        "stacking": {"exclusive": "x"},
        "limits": [{"of": "everyone", "per": "ever", "points": 40}],
    },
    "gin": {"nothing": True, "when": {"sku": ["G-1"]}},
    "wine": {"fixed": 5, "instead": True, "when": {"sku": ["W-1"]}},
}


def catalogue(session: Session) -> None:
    session.execute(
        text(
            "INSERT INTO retailer (tenant_id, id, name, region, time_zone, created_at)"
            " VALUES (:tenant, 'R', 'R', 'north', 'Asia/Tokyo', :at);"
            "INSERT INTO product (tenant_id, sku, name, category, brand, created_at) VALUES"
            " (:tenant, 'B-1', 'Rye', 'food/bread/rye', 'Mill', :at),"
            " (:tenant, 'W-1', 'Wine', 'drinks', 'Hill', :at)"
        ),
        {"tenant": session.info["tenant_id"], "at": AT},
    )


def some_purchase(chance: Random) -> Earn:
    lines: list[dict[str, Any]] = [
        {
            "line_id": str(number),
            "sku": chance.choice(["B-1", "W-1", "G-1", None]),
            "quantity": Decimal(chance.randint(1, 3)),
            "amount": Decimal(chance.randint(1, 9000)) / 100,
            **({"category": "food/bread"} if chance.random() < 0.2 else {}),
        }
        for number in range(chance.randint(0, 4))
    ]
    amount = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    body: dict[str, Any] = {"items": lines} if lines else {}
    if amount > 1 and chance.random() < 0.3:
        body["payments"] = [{"kind": "voucher", "amount": Decimal(1)}]
    earn = bought(
        f"{amount or Decimal(chance.randint(1, 9000)) / 100}",
        chance.choice(["ann", "bob"]),
        occurred_at=AT - chance.randint(0, 40) * DAY,
        body=body or None,
    )
    return replace(earn, retailer=chance.choice(["R", "S", None]))


def full(session: Session, seed: int) -> Program:
    """A program with each sort of promotion, and fifty purchases that were judged."""
    chance = Random(seed)
    program = opened(session)
    catalogue(session)
    joined(session, program)
    joined(session, program, "bob", 600)
    session.execute(
        text("UPDATE member SET birthday = :day, attributes = :club WHERE member_id = 'ann'"),
        {"day": date(1990, 7, 2), "club": '{"club": "rowing"}'},
    )
    for key, rule in RULES.items():
        published(session, program, key, rule)
    pay_bonus(session, program.id, "ann", 70, key="k", why={"name": "n"}, occurred_at=AT, at=AT)
    stored(session, program, *(some_purchase(chance) for _ in range(50)))
    while left := open_ids(session):
        award_activities(session, left[:7], AT, top_up=False)
    return program


def replayed(session: Session, program: Program) -> tuple[int, list[Miscount]]:
    pages = list(replay(session, session.info["tenant_id"], program.id))
    return sum(count for count, _ in pages), [one for _, differing in pages for one in differing]


@pytest.mark.parametrize("seed", range(5))
def test_every_award_comes_out_again(session: Session, seed: int) -> None:
    program = full(session, seed)
    assert replayed(session, program) == (51, [])
    given = session.execute(
        text(
            "SELECT count(DISTINCT g->>'promotion') FROM award,"
            " json_array_elements(explanation->'given') g WHERE (g->>'points')::int > 0"
        )
    ).scalar_one()
    assert given >= 10


def test_what_changes_afterwards_changes_no_award(session: Session) -> None:
    program = full(session, 1)
    session.execute(
        text(
            "UPDATE product SET category = 'other', brand = 'Other';"
            "UPDATE retailer SET region = 'south', time_zone = 'UTC';"
            "UPDATE member SET birthday = NULL, attributes = '{}';"
            "UPDATE promotion_version SET status = 'ended', ends_at = :past WHERE version = 1"
        ),
        {"past": AT - 100 * DAY},
    )
    assert replayed(session, program) == (51, [])


def test_an_award_that_does_not_come_out_again_is_found(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    published(session, program, "fixed", {"fixed": 5})
    earn_rate = session.execute(text("SELECT id FROM promotion WHERE standing")).scalar_one()
    one, other = stored(session, program, bought("10"), bought("20"))
    award_activities(session, [one], AT, top_up=False)
    session.execute(
        text(
            "INSERT INTO award SELECT tenant_id, program_id, :other, account_id,"
            " account_version + 1, entries, points, awarded_at, explanation FROM award"
        ),
        {"other": other},
    )
    assert replayed(session, program) == (
        2,
        [Miscount(other, 15, 25, f"promotion {earn_rate} gives 20")],
    )


def test_one_in_a_hundred_is_replayed_once(alone: None, tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
        purchases = [bought("1", occurred_at=AT) for _ in range(600)]
        ids = stored(session, program, *purchases)
        for start in range(0, len(ids), 200):
            award_activities(session, ids[start : start + 200], AT, top_up=False)
    sampled = sum(1 for one in ids if one.int % 65536 % 100 == 0)
    for _ in range(2):
        with across_tenants() as session:
            assert replay_lately(session, AT + timedelta(seconds=1)) == []
            check = session.execute(text("SELECT replayed, miscounted FROM replay_check")).one()
        assert check == (sampled, 0)
