"""Open purchases become points: each once, by the rules that were in force when it occurred."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.care.suspend import suspend
from loyalty.earning.award import Judged, award_activities
from loyalty.ledger.rules import MAX_POINTS, Balance
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.programs.settings import EarnRate, ProgramSettings, Rate
from loyalty.promotions.standing import publish_standing, standing_rule
from tests.earning.given import awarded, bought, count, open_ids, setback, status, stored
from tests.opened import AT, balance, give, joined, opened

DAY = timedelta(days=1)


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    joined(session, program)
    return program


def judge(session: Session, *ids: UUID) -> Judged:
    return award_activities(session, ids, AT, top_up=False)


def tier(session: Session, program: Program, member_id: str = "ann") -> str:
    return membership_of(session, program.id, member_id).tier_key


def test_a_purchase_becomes_points_an_entry_a_lot_and_an_award(
    session: Session, program: Program
) -> None:
    [purchase] = stored(session, program, bought("250.99", occurred_at=AT - DAY))
    judged = judge(session, purchase)
    assert (judged.count, len(judged.awards), judged.setbacks) == (1, 1, [])
    account = membership_of(session, program.id, "ann").account_id
    assert balance(session, program) == Balance(available=250)
    assert session.execute(
        text(
            "SELECT kind, version, from_bucket, to_bucket, points, available_after, cause_id,"
            " occurred_at, recorded_at FROM entry WHERE account_id = :id"
        ),
        {"id": account},
    ).all() == [("award", 1, "issued", "available", 250, 250, purchase, AT - DAY, AT)]
    assert session.execute(text("SELECT points, remaining, active, open FROM lot")).all() == [
        (250, 250, True, True)
    ]
    [award] = session.execute(text("SELECT * FROM award")).all()
    assert (award.activity_id, award.account_id, award.account_version, award.entries) == (
        purchase,
        account,
        0,
        1,
    )
    assert award.explanation["member"] == {
        "joined_at": AT.isoformat(),
        "tier": "basic",
        "tier_points": 0,
    }
    [given] = award.explanation["given"]
    assert (given["version"], given["base"], given["points"]) == (1, "250.99", 250)
    assert open_ids(session) == []


def test_the_same_call_twice_changes_nothing(session: Session, program: Program) -> None:
    [purchase] = stored(session, program, bought("10"))
    judge(session, purchase)
    assert judge(session, purchase) == Judged()
    assert balance(session, program) == Balance(available=10)
    assert (count(session, "entry"), count(session, "award")) == (1, 1)


def test_an_identifier_says_who_bought(session: Session, program: Program) -> None:
    join(session, program, NewMember("bob", (Identifier("card", "77"),)), AT)
    [purchase] = stored(session, program, bought("10", identifier=("card", "77")))
    judge(session, purchase)
    assert balance(session, program, "bob") == Balance(available=10)


@pytest.mark.parametrize(
    ("before", "amount", "reached"),
    [
        (0, "499.99", "basic"),
        (0, "500", "gold"),
        (0, "999", "gold"),
        (0, "1000", "platinum"),
        (499, "1", "gold"),
        (999, "1", "platinum"),
        (999, "0.99", "gold"),
    ],
)
def test_the_tier_rises_at_its_threshold(
    session: Session, program: Program, before: int, amount: str, reached: str
) -> None:
    if before:
        give(session, program, before)
    judge(session, *stored(session, program, bought(amount)))
    assert tier(session, program) == reached


def test_purchases_of_one_batch_see_each_other(session: Session, program: Program) -> None:
    ids = stored(session, program, *(bought("300", key=str(number)) for number in range(4)))
    judge(session, *ids)
    assert balance(session, program) == Balance(available=1200)
    assert tier(session, program) == "platinum"
    told = session.execute(text("SELECT explanation FROM award ORDER BY activity_id")).scalars()
    assert [(one["member"]["tier_points"], one["member"]["tier"]) for one in told] == [
        (0, "basic"),
        (300, "basic"),
        (600, "gold"),
        (900, "gold"),
    ]


def test_a_purchase_worth_nothing_is_awarded_and_moves_nothing(
    session: Session, program: Program
) -> None:
    [purchase] = stored(session, program, bought("0.99"))
    judge(session, purchase)
    assert (status(session, purchase), awarded(session, purchase)) == ("awarded", 0)
    assert (count(session, "entry"), count(session, "lot")) == (0, 0)


def test_a_full_account_rejects_that_purchase_and_its_batch_goes_on(
    session: Session, program: Program
) -> None:
    joined(session, program, "rich", MAX_POINTS)
    one, too_many, other = stored(session, program, bought("3"), bought("1", "rich"), bought("4"))
    judge(session, one, too_many, other)
    assert setback(session, too_many) == ("rejected", "account_full")
    assert balance(session, program, "rich") == Balance(available=MAX_POINTS)
    assert balance(session, program) == Balance(available=7)
    assert (status(session, one), status(session, other)) == ("awarded", "awarded")


def test_the_last_point_that_fits_is_awarded(session: Session, program: Program) -> None:
    joined(session, program, "rich", MAX_POINTS - 1)
    fits, not_any_more = stored(session, program, bought("1", "rich"), bought("1", "rich"))
    judge(session, fits, not_any_more)
    assert status(session, fits) == "awarded"
    assert setback(session, not_any_more) == ("rejected", "account_full")
    assert balance(session, program, "rich") == Balance(available=MAX_POINTS)


def test_a_currency_without_a_rate_is_rejected(session: Session) -> None:
    rates = {"EUR": Rate(2, Decimal(1))}
    program = opened(session, settings=ProgramSettings(earn_rate=EarnRate(currencies=rates)))
    joined(session, program)
    taken, refused = stored(
        session, program, bought("5", currency="EUR"), bought("5", currency="JPY")
    )
    judge(session, taken, refused)
    assert setback(session, refused) == ("rejected", "currency_not_accepted")
    assert balance(session, program) == Balance(available=10)


@pytest.mark.parametrize(("setting", "points"), [("earn", 10), ("nothing", 0)])
def test_a_purchase_from_before_joining(
    session: Session, setting: Literal["earn", "nothing"], points: int
) -> None:
    program = opened(session, settings=ProgramSettings(before_joining=setting))
    joined(session, program)
    before, at_joining = stored(
        session, program, bought("10", occurred_at=AT - DAY), bought("5", occurred_at=AT)
    )
    judge(session, before, at_joining)
    assert (awarded(session, before), awarded(session, at_joining)) == (points, 5)


def test_each_purchase_is_judged_by_the_version_in_force_when_it_occurred(
    session: Session, program: Program
) -> None:
    rule = standing_rule({"USD": {"points": 3, "per": "1"}})
    publish_standing(session, program.id, rule, AT - 10 * DAY)
    ids = stored(
        session,
        program,
        bought("1", key="long before", occurred_at=AT - 60 * DAY),
        bought("1", key="just before", occurred_at=AT - 10 * DAY - timedelta(microseconds=1)),
        bought("1", key="at the switch", occurred_at=AT - 10 * DAY),
        bought("1", key="after", occurred_at=AT),
    )
    judge(session, *ids)
    assert [awarded(session, one) for one in ids] == [1, 1, 3, 3]
    versions = session.execute(text("SELECT explanation FROM award ORDER BY activity_id")).scalars()
    assert [one["given"][0]["version"] for one in versions] == [1, 1, 2, 2]


def test_suspended_and_left_members_have_their_purchases_parked(
    session: Session, program: Program
) -> None:
    joined(session, program, "bob")
    suspend(session, program, "ann", reason="a test", by=By("ops", None, AT))
    leave(session, program, "bob", by=By("ops", None, AT))
    suspended, left = stored(session, program, bought(), bought(member_id="bob"))
    judge(session, suspended, left)
    assert setback(session, suspended) == ("parked", "suspended")
    assert setback(session, left) == ("parked", "not_enrolled")
    until = set(session.execute(text("SELECT until FROM setback")).scalars())
    assert until == {AT + 90 * DAY}
    assert balance(session, program) == balance(session, program, "bob") == Balance()
