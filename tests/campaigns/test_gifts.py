"""A reward of the catalogue that was won is handed out once, for no points, when there is one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.find import campaign_by_key
from loyalty.campaigns.report import report
from loyalty.care.suspend import reinstate, suspend
from loyalty.errors import Invalid
from loyalty.ledger.rules import Balance
from loyalty.programs.queries import Program
from loyalty.redemption.cancel import cancel
from loyalty.redemption.give_reward import AGAIN_AFTER, give_reward
from loyalty.rewards.queries import reward_by_key
from loyalty.rewards.stock import adjust_stock
from tests.campaigns.given import coffees, draft, events, goal, publish, running, settle_all
from tests.earning.given import count
from tests.opened import AT, balance, joined, opened
from tests.rewards.given import BY, offered

MUG = {"kind": "reward", "reward": "mug"}


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    joined(session, program)
    return program


def gifts(session: Session) -> Sequence[Row[UUID, str | None]]:
    """What was won, and why it is not given."""
    return session.execute(text("SELECT id, why_not FROM campaign_gift ORDER BY n, position")).all()


def given(session: Session) -> list[bool]:
    """Whether each was given just now."""
    return [give_reward(session, row.id, AT) for row in gifts(session)]


def test_what_was_won_is_a_redemption_of_no_points_once(session: Session, program: Program) -> None:
    offered(session, program, "mug", stock=5)
    running(session, program, rewards=[MUG], times=2)
    coffees(session, program, 20)
    settle_all(session)
    assert given(session) == [True, True]
    assert given(session) == [False, False]
    assert balance(session, program) == Balance(available=20)
    told = session.execute(
        text("SELECT points, status, fulfilment, took_stock FROM redemption")
    ).all()
    assert told == [(0, "redeemed", "ordered", True)] * 2
    assert session.scalar(text("SELECT remaining FROM reward_stock")) == 3
    assert [data["reward"] for _, data in events(session, "redemption.redeemed")] == ["mug"] * 2
    figures = report(session, program.id, campaign_by_key(session, program, "coffee"))
    assert (figures.rewards_given, figures.rewards_waiting) == (2, 0)
    cancel(session, gifts(session)[0].id, None, "a test", By("test", None, AT))
    assert session.scalar(text("SELECT remaining FROM reward_stock")) == 4
    assert given(session) == [False, False]
    assert balance(session, program) == Balance(available=20)


def test_a_voucher_is_one_code_for_each(session: Session, program: Program) -> None:
    vouchers = {"from": "generated"}
    offered(session, program, "mug", kind="voucher", vouchers=vouchers)
    running(session, program, rewards=[MUG], times=2)
    coffees(session, program, 20)
    given(session)
    rows = session.execute(text("SELECT code, status, redemption_id FROM voucher")).all()
    assert {row.status for row in rows} == {"given"}
    assert len({row.code for row in rows}) == 2
    assert {row.redemption_id for row in rows} == {row.id for row in gifts(session)}


def test_what_is_out_of_stock_waits_until_there_is_one(session: Session, program: Program) -> None:
    offered(session, program, "mug", stock=0)
    running(session, program, rewards=[MUG])
    coffees(session, program, 10)
    assert given(session) == [False]
    assert given(session) == [False]
    [gift] = gifts(session)
    assert gift.why_not == "out_of_stock"
    assert events(session, "reward.waiting") == [
        ("member ann", {"reward": "mug", "why_not": "out_of_stock"})
    ]
    assert session.scalar(text("SELECT try_at FROM campaign_gift")) == AT + AGAIN_AFTER
    adjust_stock(session, program, reward_by_key(session, program.id, "mug"), 1, "a test", BY)
    assert give_reward(session, gift.id, AT + timedelta(hours=1))
    assert count(session, "redemption") == 1


def test_who_is_suspended_waits_too(session: Session, program: Program) -> None:
    offered(session, program, "mug")
    running(session, program, rewards=[MUG])
    coffees(session, program, 10)
    suspend(session, program, "ann", reason="a test", by=By("ops", None, AT))
    assert given(session) == [False]
    assert gifts(session)[0].why_not == "not_active"
    reinstate(session, program, "ann", reason="a test", by=By("ops", None, AT))
    assert given(session) == [True]


def test_a_reward_that_is_not_in_the_catalogue_cannot_be_promised(
    session: Session, program: Program
) -> None:
    goal(session, program, "coffee", {"kind": "visit"})
    draft(session, program, rewards=[MUG])
    with pytest.raises(Invalid) as refused:
        publish(session, program)
    assert [one.pointer for one in refused.value.errors] == ["/rewards/0/reward"]
