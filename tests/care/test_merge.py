"""Two members become one, in everything, once; and may become two again."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.care.merge import Merge, merge
from loyalty.care.suspend import suspend
from loyalty.care.undo_merge import MergeTouched, MergeUndone, undo_merge
from loyalty.errors import Invalid, NotFound
from loyalty.ledger.rules import Balance
from loyalty.members.absorb import AlreadyMerged
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import member_by_id, membership_of
from loyalty.people.profile import profile
from loyalty.programs.queries import Program
from tests.care.given import account_of, entries_on, lot, open_lots_of, open_lots_on, owe
from tests.opened import AT, balance, give, joined, opened


@pytest.fixture
def program(session: Session) -> Program:
    """Ann and Bob are in it."""
    program = opened(session)
    joined(session, program, "ann")
    joined(session, program, "bob")
    return program


def _merge(session: Session, absorbed: str = "bob", survivor: str = "ann"):  # type: ignore[no-untyped-def]
    order = Merge(absorbed, survivor, "one and the same")
    return merge(session, order, actor="eve", request_id="r1", at=AT)


def _undo(session: Session, merge_id):  # type: ignore[no-untyped-def]
    undo_merge(session, merge_id, reason="they are two", actor="eve", request_id="r2", at=AT)


def test_points_go_over_with_their_dates_and_pay_what_is_owed(
    session: Session, program: Program
) -> None:
    bob, ann = account_of(session, program, "bob"), account_of(session, program, "ann")
    lot(session, program, 10, "ann")
    owe(session, program, 15, "ann")
    lot(session, program, 20, "bob", expires_in=10)
    lot(session, program, 5, "bob", activates_in=3)
    owe(session, program, 4, "bob")
    _merge(session)
    assert balance(session, program, "ann") == Balance(pending=5, available=11)
    assert balance(session, program, "bob") == balance(session, program, "ann")
    assert open_lots_on(session, bob) == []
    assert open_lots_of(session, program, "ann") == [
        (10, True, None),
        (1, True, 10),
        (5, False, None),
    ]


def test_undo(session: Session, program: Program) -> None:
    lot(session, program, 10, "ann")
    lot(session, program, 20, "bob", expires_in=10)
    lot(session, program, 5, "bob", activates_in=3)
    owe(session, program, 4, "bob")
    m = _merge(session)
    _undo(session, m)
    assert balance(session, program, "ann") == Balance(available=10)
    assert balance(session, program, "bob") == Balance(pending=5, available=20, owed=4)
    assert open_lots_of(session, program, "bob") == [(20, True, 10), (5, False, None)]
    with pytest.raises(MergeUndone):
        _undo(session, m)
