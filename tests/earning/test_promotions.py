"""Purchases judged by promotions: facts, limits, lots of their own lives, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.accept import Earn
from loyalty.earning.award import award_activities
from loyalty.earning.explain import explain
from loyalty.earning.queries import tell
from loyalty.earning.try_out import try_out
from loyalty.members.queries import membership_of
from loyalty.programs.life_of_points import Expiry, Pending
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings
from loyalty.promotions.limits import give_back_use
from tests.earning.given import awarded, bought, count, published, setback, status, stored
from tests.opened import AT, joined, opened

DAY = timedelta(days=1)


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    joined(session, program)
    return program


def judge(session: Session, *ids: UUID, at: datetime = AT) -> None:
    award_activities(session, ids, at, top_up=False)


def judged(session: Session, program: Program, *earns: Earn, at: datetime = AT) -> list[int]:
    """The points of these purchases, judged in one batch."""
    ids = stored(session, program, *earns, at=at)
    judge(session, *ids, at=at)
    return [awarded(session, one) for one in ids]


def why(session: Session, activity_id: UUID) -> dict[str, Any]:
    [told] = explain(session, tell(session, [activity_id]))
    assert told
    return told


def used(session: Session) -> list[tuple[str, int, int]]:
    rows = session.execute(
        text("SELECT period, points, uses FROM promotion_use ORDER BY promotion_id, period")
    )
    return [(row.period, row.points, row.uses) for row in rows]


def items(*lines: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """A body with lines of (line_id, sku, amount)."""
    return {
        "items": [
            {"line_id": line, "sku": sku, "amount": Decimal(amount), "quantity": Decimal(1)}
            for line, sku, amount in lines
        ],
        **more,
    }


def test_a_promotion_counts_on_top_and_each_says_why(session: Session, program: Program) -> None:
    promotion = published(session, program, "wine", {"fixed": 20, "when": {"sku": ["W-1"]}})
    [both, bread] = stored(
        session,
        program,
        bought("17.5", body=items(("1", "W-1", "10"), ("2", "B-1", "7.5"))),
        bought("5", body=items(("1", "B-1", "5"))),
    )
    judge(session, both, bread)
    assert (awarded(session, both), awarded(session, bread)) == (37, 5)
    stored_shares = session.execute(
        text("SELECT explanation FROM award WHERE activity_id = :id"), {"id": both}
    ).scalar_one()
    assert [(one["points"], one["lines"]) for one in stored_shares["given"]] == [
        (17, {"1": 10, "2": 7}),
        (20, {"1": 20}),
    ]
    told = why(session, both)
    assert told["sentence"] == (
        "Earn rate: 17.50 USD at 1 point per 1 USD: 17 points (a remainder of 0.5 was rounded"
        " away). wine: For the purchase: 20 points."
    )
    told = why(session, bread)
    assert told["sentence"] == "5 USD at 1 point per 1 USD: 5 points."
    assert told["given"][1] == {
        "promotion": "wine",
        "version": 1,
        "base": "0",
        "points": 0,
        "remainder": "0",
        "why_not": "condition",
        "unmet": "sku",
        "sentence": "Nothing: it applies only if the product is W-1.",
    }
    explanation = session.execute(
        text("SELECT explanation FROM award WHERE activity_id = :id"), {"id": bread}
    ).scalar_one()
    assert explanation["not"] == [[promotion, 1, "condition", "sku"]]


def test_versions_are_judged_by_when_it_occurred_and_not_by_when_it_came(
    session: Session, program: Program
) -> None:
    switch = AT - 10 * DAY
    when = {"all": [{"sku": ["P"]}, {"retailer": ["R"]}]}
    rate = {"when": when, "instead": True}
    published(
        session,
        program,
        "p-at-r",
        {**rate, "rates": {"USD": {"points": 100, "per": "1"}}},
        starts_at=AT - 60 * DAY,
        ends_at=switch,
        status="ended",
    )
    published(
        session,
        program,
        "p-at-r",
        {**rate, "rates": {"USD": {"points": 300, "per": "1"}}},
        number=2,
        starts_at=switch,
    )
    body = items(("1", "P", "2"))
    at = [switch - DAY, switch - timedelta(microseconds=1), switch, switch + DAY]
    here = [replace(bought("2", occurred_at=occurred, body=body), retailer="R") for occurred in at]
    elsewhere = replace(bought("2", occurred_at=switch, body=body), retailer="S")
    assert judged(session, program, *here, elsewhere) == [200, 200, 600, 600, 2]


def test_a_cap_counts_in_the_month_in_which_it_occurred(session: Session, program: Program) -> None:
    published(
        session,
        program,
        "capped",
        {"fixed": 30, "instead": True, "limits": [{"of": "member", "per": "month", "points": 50}]},
    )
    june = AT - 2 * DAY
    assert judged(session, program, bought(), bought(), bought()) == [30, 20, 0]
    assert judged(session, program, bought(occurred_at=june), bought()) == [30, 0]
    assert used(session) == [("2026-06", 30, 1), ("2026-07", 50, 2)]
    [late] = stored(session, program, bought())
    judge(session, late)
    told = why(session, late)["given"][1]
    assert (told["points"], told["would_be"], told["left"]) == (0, 30, 0)
    assert told["sentence"] == (
        "Nothing: the limit of 50 points a month for each member is used up"
        " (it would have given 30 points)."
    )


def test_a_cap_is_of_each_member_and_in_the_zone_of_the_program(session: Session) -> None:
    program = opened(session, slug="tokyo")
    session.execute(text("UPDATE program SET time_zone = 'Asia/Tokyo' WHERE slug = 'tokyo'"))
    joined(session, program)
    joined(session, program, "bob")
    limits = [{"of": "member", "per": "day", "uses": 1}]
    published(session, program, "daily", {"fixed": 7, "instead": True, "limits": limits})
    late, later = (datetime(2026, 6, 30, hour, tzinfo=UTC) for hour in (14, 15))
    assert judged(
        session,
        program,
        bought(occurred_at=late),
        bought(occurred_at=later),
        bought(occurred_at=later),
        bought(member_id="bob", occurred_at=later),
    ) == [7, 7, 0, 7]
    assert used(session) == [("2026-06-30", 7, 1), ("2026-07-01", 7, 1), ("2026-07-01", 7, 1)]


def test_a_budget_is_of_everyone_together(session: Session, program: Program) -> None:
    joined(session, program, "bob")
    limits = [{"of": "everyone", "per": "ever", "points": 50, "uses": 9}]
    published(session, program, "budget", {"fixed": 30, "instead": True, "limits": limits})
    assert judged(session, program, bought(), bought(member_id="bob"), bought()) == [30, 20, 0]
    rows = session.execute(text("SELECT period, points, uses FROM promotion_budget")).all()
    assert rows == [("ever", 50, 2)]


def test_no_budget_is_touched_by_what_it_is_not_for(session: Session, program: Program) -> None:
    limits = [{"of": "everyone", "per": "ever", "points": 50}]
    published(session, program, "b", {"fixed": 3, "limits": limits, "when": {"sku": ["X"]}})
    assert judged(session, program, bought()) == [10]
    assert count(session, "promotion_budget") == 0


def test_what_is_given_back_can_be_used_again(session: Session, program: Program) -> None:
    limits = [
        {"of": "member", "per": "month", "points": 50},
        {"of": "everyone", "per": "ever", "points": 60},
    ]
    promotion = published(session, program, "c", {"fixed": 50, "instead": True, "limits": limits})
    assert judged(session, program, bought(), bought()) == [50, 0]
    account = membership_of(session, program.id, "ann").account_id
    give_back_use(session, promotion, 1, account, AT, UTC, 50, 1)
    assert used(session) == [("2026-07", 0, 0)]
    assert judged(session, program, bought(), bought()) == [50, 0]


def test_the_first_purchase_is_one_also_within_a_batch(session: Session, program: Program) -> None:
    published(session, program, "first", {"fixed": 100, "when": {"first_purchase": True}})
    visit = replace(bought(), kind="visit", amount=None, currency=None)
    assert judged(session, program, visit) == [0]
    assert judged(session, program, bought(), bought()) == [110, 10]
    assert judged(session, program, bought()) == [10]


def test_who_comes_back_after_a_while(session: Session, program: Program) -> None:
    published(session, program, "back", {"fixed": 100, "when": {"inactive": {"days": 30}}})
    assert judged(session, program, bought()) == [10]
    later = AT + 30 * DAY
    first, second = bought(occurred_at=later), bought(occurred_at=later + DAY)
    assert judged(session, program, first, second, at=later + DAY) == [110, 10]


def test_birthdays_attributes_and_joining_days(session: Session, program: Program) -> None:
    session.execute(
        text("UPDATE member SET birthday = :day, time_zone = 'Asia/Tokyo', attributes = :club"),
        {"day": date(1990, 7, 2), "club": '{"club": "rowing"}'},
    )
    for key, points, when in (
        ("birthday", 1000, {"birthday": {}}),
        ("club", 100, {"member_attribute": {"name": "club", "in": ["rowing"]}}),
        ("joined", 10_000, {"joining_day": {}}),
    ):
        published(session, program, key, {"fixed": points, "when": when})
    tokyo = AT.replace(hour=15)  # 2 July in Tokyo
    assert judged(session, program, bought(), bought(occurred_at=tokyo)) == [10_110, 11_110]
    member = session.execute(
        text("SELECT explanation->'member' FROM award ORDER BY activity_id DESC LIMIT 1")
    ).scalar_one()
    assert member["attributes"] == {"club": "rowing"}
    assert (member["days_from_birthday"], member["days_from_joining"]) == (0, 0)


def test_the_catalogue_says_brand_category_region_and_time(
    session: Session, program: Program
) -> None:
    session.execute(
        text(
            "INSERT INTO retailer (tenant_id, id, name, region, time_zone, created_at)"
            " VALUES (:tenant, 'R', 'R', 'north', 'Asia/Tokyo', :at);"
            "INSERT INTO product (tenant_id, sku, name, category, brand, created_at)"
            " VALUES (:tenant, 'B-1', 'Rye', 'food/bread/rye', 'Mill', :at)"
        ),
        {"tenant": session.info["tenant_id"], "at": AT},
    )
    for key, points, when in (
        ("bread", 100, {"category": ["food/bread", "drinks"]}),
        ("mill", 1000, {"brand": ["Mill"]}),
        ("north", 10_000, {"region": ["north"]}),
        ("evening", 100_000, {"hours": {"from": "21:00", "to": "22:00"}}),
    ):
        published(session, program, key, {"fixed": points, "when": when})
    here = replace(bought("10", body=items(("1", "B-1", "10"))), retailer="R")  # 21:00 in Tokyo
    assert judged(session, program, here, bought("10")) == [111_110, 10]
    place = session.execute(
        text("SELECT explanation->'place' FROM award ORDER BY activity_id LIMIT 1")
    ).scalar_one()
    assert place == {
        "region": "north",
        "time_zone": "Asia/Tokyo",
        "lines": {"1": {"brand": "Mill", "categories": ["food/bread"]}},
    }


def test_what_the_catalogue_does_not_know_can_be_refused(session: Session) -> None:
    program = opened(session, settings=ProgramSettings(unknown_product="reject"))
    joined(session, program)
    [refused, taken] = stored(
        session, program, bought("1", body=items(("1", "B-1", "1"))), bought("1")
    )
    judge(session, refused, taken)
    assert setback(session, refused) == ("rejected", "unknown_product")
    assert status(session, taken) == "awarded"


def test_each_life_is_a_lot_of_its_own(session: Session) -> None:
    settings = ProgramSettings(expiry=Expiry("days", 10))
    program = opened(session, settings=settings)
    joined(session, program)
    published(session, program, "waits", {"fixed": 20, "pending": {"days": 14}})
    published(session, program, "stays", {"fixed": 30, "expiry": {"kind": "never"}})
    published(session, program, "same", {"fixed": 5})
    published(session, program, "released", {"fixed": 7, "pending": {"until": "released"}})
    assert judged(session, program, bought("10")) == [72]
    lots = session.execute(
        text("SELECT points, activates_at, expires_at, active FROM lot ORDER BY id")
    ).all()
    assert lots == [
        (15, None, AT + 10 * DAY, True),
        (30, None, None, True),
        (20, AT + 14 * DAY, AT + 24 * DAY, False),
        (7, None, None, False),
    ]
    award = session.execute(text("SELECT entries, points, account_version FROM award")).one()
    assert award == (4, 72, 0)


def test_pending_of_the_program(session: Session) -> None:
    program = opened(session, settings=ProgramSettings(pending=Pending(days=3)))
    joined(session, program)
    published(session, program, "at-once", {"fixed": 5, "pending": {"days": 0}})
    assert judged(session, program, bought("10")) == [15]
    account = session.execute(text("SELECT pending, available FROM account")).one()
    assert account == (10, 5)


def test_a_currency_without_a_rate_is_taken_where_a_promotion_gives(
    session: Session, program: Program
) -> None:
    published(session, program, "any", {"fixed": 5, "when": {"currency": ["EUR"]}})
    euro, yen = stored(session, program, bought("10", currency="EUR"), bought("10", currency="JPY"))
    judge(session, euro, yen)
    assert awarded(session, euro) == 5
    assert setback(session, yen) == ("rejected", "currency_not_accepted")


def test_a_dry_run_sees_drafts_limits_and_facts_and_writes_nothing(
    session: Session, program: Program
) -> None:
    limits = [{"of": "everyone", "per": "month", "points": 50}]
    rule = {"fixed": 30, "limits": limits, "when": {"first_purchase": True}}
    published(session, program, "capped", rule)
    published(session, program, "draft", {"fixed": 7}, status="draft")
    assert try_out(session, program, bought("10"), AT)["points"] == 40
    assert try_out(session, program, bought("10"), AT, drafts=["draft"])["points"] == 47
    assert judged(session, program, bought("10")) == [40]
    told = try_out(session, program, bought("10"), AT)
    assert told["points"] == 10
    assert told["explanation"]["given"][1]["sentence"] == (
        "Nothing: it applies only if it is the member's first purchase."
    )
    assert (count(session, "award"), count(session, "promotion_budget")) == (1, 1)


def test_all_that_a_sentence_can_say(session: Session, program: Program) -> None:
    group = {"stacking": {"exclusive": "summer"}}
    limits = [{"of": "everyone", "per": "ever", "points": 3, "uses": 2}]
    on = {"when": {"sku": ["W"]}}
    rules: dict[str, dict[str, Any]] = {
        "items": {"per_item": {"points": 2, "per": "1"}, "step": "whole", **on},
        "double": {"multiplier": "2.0", **on},
        "barred": {"nothing": True, "when": {"sku": ["T"]}},
        "low": {"fixed": 1, **group},
        "high": {"fixed": 2, **group},
        "cut": {"fixed": 5, "limits": limits},
        "visits": {"per_visit": 1},
        "euros": {"rates": {"EUR": {"points": 1, "per": "1"}}},
        "up": {"rates": {"USD": {"points": 1, "per": "3"}}, "rounding": "up", **on},
    }
    for key, rule in rules.items():
        published(session, program, key, rule)
    [one] = stored(session, program, bought("30", body=items(("1", "W", "10"), ("2", "T", "20"))))
    judge(session, one)
    told = {share["promotion"]: share["sentence"] for share in why(session, one)["given"]}
    assert told == {
        "Earn rate": "10 USD at 1 point per 1 USD: 10 points.",
        "items": "1 item at 2 points per full item: 2 points.",
        "double": "21 points times 2: 21 points more.",
        "barred": "20 USD of it earn nothing.",
        "low": "Nothing: another promotion of the group summer gave more"
        " (it would have given 1 point).",
        "high": "For the purchase: 2 points.",
        "cut": "For the purchase: 5 points, of which the limit of 3 points and 2 uses for"
        " all members together left 3 points.",
        "visits": "Nothing: it is no visit, and this promotion pays for those.",
        "euros": "Nothing: it has no rate for USD.",
        "up": "10 USD at 1 point per 3 USD: 4 points (rounded up by 0.6667).",
    }
