"""The limits of promotions are what awards used of them, less what came back."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.book.checks import OF_ACCOUNTS, OF_PROGRAMS
from loyalty.book.of_promotions import OF_ACCOUNTS as OF_MEMBERS
from loyalty.book.of_promotions import OF_PROGRAMS as OF_EVERYONE
from loyalty.earning.award import award_activities
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from tests.book.conftest import act_as
from tests.book.test_checks import damage, verdicts
from tests.earning.give_back.given import returned, settled
from tests.earning.given import bought, published, stored
from tests.opened import AT, joined, opened

[MEMBERS] = OF_MEMBERS
[EVERYONE] = OF_EVERYONE


@pytest.fixture
def limited(session: Session) -> Program:
    """Ann used 30, 7 and 3 of two limits: the first came back, of the third a third."""
    program = opened(session)
    joined(session, program)
    limits = [
        {"of": "member", "per": "week", "points": 50},
        {"of": "everyone", "per": "ever", "uses": 50},
    ]
    rates = {"USD": {"points": 1, "per": "1"}}
    published(session, program, "limited", {"rates": rates, "limits": limits})
    ids = stored(
        session,
        program,
        bought("30", key="whole"),
        bought("7", key="kept"),
        bought("3", key="part"),
    )
    award_activities(session, ids, AT, top_up=False)
    settled(session, program, returned("whole"))
    settled(session, program, returned("part", amount="1"))
    return program


def test_what_was_used_and_given_back_agrees(session: Session, limited: Program) -> None:
    uses = session.execute(text("SELECT period, points, uses FROM promotion_use")).all()
    budget = session.execute(text("SELECT period, points, uses FROM promotion_budget")).all()
    assert (uses, budget) == ([("2026-W27", 9, 2)], [("ever", 9, 2)])
    assert verdicts(session)[-1].broken == []


@pytest.mark.parametrize("change", ["points = points + 1", "uses = uses - 1", "period = '2026-W1'"])
def test_a_counter_that_is_wrong_is_named(session: Session, limited: Program, change: str) -> None:
    promotion, account = session.execute(
        text("SELECT promotion_id, account_id FROM promotion_use")
    ).one()
    assert account == membership_of(session, limited.id, "ann").account_id
    for table, invariant, row in (
        ("promotion_use", MEMBERS, f"promotion {promotion} in 2026-W27, account {account}"),
        ("promotion_budget", EVERYONE, f"promotion {promotion} in ever"),
    ):
        damage(session, f"UPDATE {table} SET {change}")
        act_as(session, "loyalty_system")
        told = session.execute(
            text((OF_ACCOUNTS | OF_PROGRAMS)[invariant]),
            {"tenant": session.info["tenant_id"], "program": limited.id, "accounts": None},
        ).scalar_one()
        assert told in {row, row.replace("2026-W27", "2026-W1").replace("ever", "2026-W1")}
