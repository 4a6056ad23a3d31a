"""Every entry says why it was written, and what became of its points."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.adjust import Adjust
from loyalty.care.leave import leave
from loyalty.care.merge import Merge, merge
from loyalty.care.request_adjustment import decide, request_adjustment
from loyalty.care.transfer import Transfer, transfer
from loyalty.care.undo_merge import undo_merge
from loyalty.earning.award import award_activities
from loyalty.errors import NotFound
from loyalty.ledger.due import settle_due
from loyalty.members.queries import lock_membership
from loyalty.people.explain_entry import Explained, explain_entry
from loyalty.people.statement import statement
from loyalty.programs.queries import Program
from loyalty.redemption.redeem import Redeem
from tests.care.given import account_of, lot
from tests.earning.give_back.given import returned, settled
from tests.earning.given import bought, stored
from tests.opened import AT, give, joined, opened, redeemed


@pytest.fixture
def program(session: Session) -> Program:
    program = opened(session)
    joined(session, program, "ann")
    joined(session, program, "bob")
    return program


def _explained(
    session: Session, program: Program, version: int, member_id: str = "ann"
) -> Explained:
    return explain_entry(session, account_of(session, program, member_id), version)


def test_an_award_tells_the_purchase_and_what_its_points_became(
    session: Session, program: Program
) -> None:
    [purchase] = stored(session, program, bought("100", key="t-1"))
    award_activities(session, [purchase], AT)
    burn = redeemed(session, program, Redeem(points=30))
    settled(session, program, returned("t-1", amount="50"))
    account = account_of(session, program, "ann")
    told = _explained(session, program, 1)
    assert (told.program, told.member_id, told.points) == ("wine", "ann", 100)
    assert (told.from_bucket, told.to_bucket) == ("issued", "available")
    assert (told.cause.kind, told.cause.id) == ("earn", purchase)
    assert told.cause.href == f"/v1/earns/{purchase}"
    assert told.why is not None
    assert told.why["entries"] == [f"{account}-1"]
    [made] = told.lots
    assert (made.id, made.role, made.here, made.remaining) == (f"{account}-1", "made", 100, 20)
    assert [(one.entry, one.kind, one.points) for one in made.later] == [
        (f"{account}-2", "redeem", 30),
        (f"{account}-3", "reverse", 50),
    ]
    assert told.sentence == (
        "100 points earned for 100.00 USD (till-1 t-1). "
        "100 USD at 1 point per 1 USD: 100 points. "
        f"They are the lot {account}-1, which never expires. "
        f"Since then 30 points were spent ({account}-2), "
        f"50 points were taken back ({account}-3); 20 points of it are left."
    )
    spent = _explained(session, program, 2)
    assert (spent.cause.kind, spent.cause.id, spent.cause.actor) == ("redemption", burn.id, "ann")
    assert spent.cause.href == f"/v1/redemptions/{burn.id}"
    [drawn] = spent.lots
    assert (drawn.role, drawn.here, drawn.points, drawn.made_by) == ("drew", 30, 100, "award")
    assert [one.kind for one in drawn.later] == ["reverse"]
    back = _explained(session, program, 3)
    assert (back.cause.kind, back.cause.told["transaction_id"]) == ("return", "t-1")


def test_an_adjustment_tells_who_and_why_and_who_agreed(session: Session, program: Program) -> None:
    asked = request_adjustment(
        session, program, "ann", Adjust(5, "sorry"), by=By("support:sue", None, AT)
    )
    decide(session, asked.id, "approved", reason=None, person="bea", by=By("admin:bea", None, AT))
    told = _explained(session, program, 1)
    assert (told.cause.kind, told.cause.actor, told.cause.reason) == (
        "adjustment",
        "support:sue",
        "sorry",
    )
    assert told.cause.told == {"points": 5, "approved_by": "admin:bea"}
    assert told.cause.href == f"/v1/adjustment-requests/{asked.id}"
    assert told.why is None
    assert told.sentence.startswith("5 points given: sorry, by support:sue. They are the lot ")
    give(session, program, -2)
    assert _explained(session, program, 2).cause.href is None


def test_what_time_did_has_no_cause_but_itself(session: Session, program: Program) -> None:
    lot(session, program, 7, activates_in=1, expires_in=5)
    for days in (2, 6):
        _, account = lock_membership(session, program.id, "ann")
        settle_due(session, [account], AT + timedelta(days=days))
    for version, kind, role in ((2, "activate", "activated"), (3, "expire", "drew")):
        told = _explained(session, program, version)
        assert (told.line.kind, told.cause.kind, told.cause.actor) == (kind, "time", None)
        assert [one.role for one in told.lots] == [role]
    made = _explained(session, program, 1)
    assert [one.kind for one in made.lots[0].later] == ["activate", "expire"]
    assert "7 points became spendable" in made.sentence
    assert "7 points expired" in made.sentence
    assert made.sentence.endswith("0 points of it are left.")


def test_a_transfer_tells_both_sides(session: Session, program: Program) -> None:
    give(session, program, 10)
    order = Transfer("ann", "bob", 4, "a gift")
    made = transfer(session, program, order, by=By("eve", None, AT)).transfer
    ann, bob = (account_of(session, program, name) for name in ("ann", "bob"))
    told = _explained(session, program, 2)
    assert told.line.text == "4 points given to bob: a gift"
    assert (told.cause.kind, told.cause.id, told.cause.actor) == ("transfer", made.id, "eve")
    assert told.cause.told == {"points": 4, "from": "ann", "to": "bob"}
    assert told.cause.entries == [f"{bob}-1"]
    got = _explained(session, program, 1, "bob")
    assert got.line.text == "4 points got from ann: a gift"
    assert got.cause.entries == [f"{ann}-2"]
    assert [one.role for one in got.lots] == ["made"]


def test_a_merge_tells_who_was_merged_and_the_history_is_read_under_both_names(
    session: Session, program: Program
) -> None:
    give(session, program, 10)
    give(session, program, 6, "bob")
    ann, bob = (account_of(session, program, name) for name in ("ann", "bob"))
    order = Merge("bob", "ann", "the same person")
    made = merge(session, order, by=By("eve", None, AT))
    for name in ("ann", "bob"):
        lines = statement(session, program, name, before=None, limit=10)
        assert [one.id for one in lines] == [f"{ann}-2", f"{ann}-1", f"{bob}-2", f"{bob}-1"]
        assert [one.text for one in lines[::2]] == [
            "6 points moved, for bob was merged into ann"
        ] * 2
        rest = statement(session, program, name, before=lines[0].id, limit=2)
        assert [one.id for one in rest] == [one.id for one in lines[1:3]]
        last = statement(session, program, name, before=lines[2].id, limit=9)
        assert [one.id for one in last] == [f"{bob}-1"]
    told = explain_entry(session, bob, 2)
    assert (told.member_id, told.cause.kind, told.cause.id) == ("ann", "merge", made)
    assert (told.cause.actor, told.cause.reason) == ("eve", "the same person")
    assert told.cause.entries == [f"{ann}-2"]
    later = timedelta(hours=1)
    undo_merge(session, made, reason="no", by=By("fay", None, AT + later))
    assert (explain_entry(session, bob, 3).member_id, told.member_id) == ("bob", "ann")
    back = explain_entry(session, bob, 3)
    assert (back.cause.actor, back.cause.reason) == ("fay", "no")
    assert back.line.text == "6 points moved, for the merge of bob into ann was undone"


def test_what_leaving_ended_tells_who_let_them_leave(session: Session, program: Program) -> None:
    lot(session, program, 3, activates_in=5)
    give(session, program, 10)
    leave(session, program, "ann", by=By("server:shop", None, AT))
    for version in (3, 4):
        told = _explained(session, program, version)
        assert (told.cause.kind, told.cause.actor) == ("act", "server:shop")
        assert told.cause.told["act"] == "member.leave"


def test_an_entry_that_is_not_there_is_not_found(session: Session, program: Program) -> None:
    for account, version in ((account_of(session, program, "ann"), 1), (1, 1), (2**62, 1)):
        with pytest.raises(NotFound):
            explain_entry(session, account, version)
