"""Above a limit two people decide: one asks, another approves or rejects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.care.adjust import Adjust
from loyalty.care.leave import leave
from loyalty.care.queries import Request, read_request, requests
from loyalty.care.request_adjustment import (
    AlreadyDecided,
    OwnRequest,
    decide,
    request_adjustment,
)
from loyalty.errors import NotFound, Problem
from loyalty.ledger.account import InsufficientPoints
from loyalty.ledger.rules import Balance
from loyalty.members.queries import NotActive, NotEnrolled
from loyalty.programs.queries import Program
from loyalty.programs.settings import ApprovalRule, ProgramSettings
from loyalty.transaction import transaction
from tests.opened import AT, balance, joined, opened
from tests.tenant import TestTenant

DAY = timedelta(days=1)


@pytest.fixture
def program(session: Session) -> Program:
    """Ann is in it; requests wait for three days."""
    settings = ProgramSettings(approval=ApprovalRule(expires_after_days=3))
    program = opened(session, settings=settings)
    joined(session, program, points=100)
    return program


def _ask(session: Session, program: Program, points: int = 20_000) -> Request:
    order = Adjust(points, "sorry")
    return request_adjustment(session, program, "ann", order, by=By("support:sue", "r1", AT))


def _decide(
    session: Session,
    asked: UUID,
    verdict: Literal["approved", "rejected"] = "approved",
    *,
    actor: str = "admin:bea",
    person: str | None = "bea",
    at: datetime = AT + DAY,
) -> Request:
    return decide(session, asked, verdict, reason="fine", person=person, by=By(actor, "r2", at))


def test_what_is_asked_for_moves_nothing_yet(session: Session, program: Program) -> None:
    asked = _ask(session, program)
    assert (asked.status, asked.requested_by, asked.expires_at) == (
        "requested",
        "support:sue",
        AT + 3 * DAY,
    )
    assert read_request(session, asked.id, AT) == (asked, program.id)
    assert balance(session, program) == Balance(available=100)


def test_another_person_approves_and_the_points_move_under_the_requests_id(
    session: Session, program: Program
) -> None:
    asked = _ask(session, program)
    decided = _decide(session, asked.id)
    assert (decided.status, decided.decided_by, decided.decided_at) == (
        "approved",
        "admin:bea",
        AT + DAY,
    )
    assert read_request(session, asked.id, AT)[0] == decided
    assert balance(session, program) == Balance(available=20_100)
    row = session.execute(
        text("SELECT points, reason, actor FROM adjustment WHERE id = :id"), {"id": asked.id}
    ).one()
    assert tuple(row) == (20_000, "sorry", "support:sue")
    told = [(one.act, one.actor, one.reason, one.request_id) for one in records(session, None, 3)]
    assert told == [
        ("adjustment.approve", "admin:bea", "fine", "r2"),
        ("member.adjust", "support:sue", "sorry", "r2"),
        ("adjustment.request", "support:sue", "sorry", "r1"),
    ]
    events = (
        session.execute(text("SELECT type FROM event WHERE type LIKE 'adjustment.%%' ORDER BY seq"))
        .scalars()
        .all()
    )
    assert events[-2:] == ["adjustment.requested", "adjustment.approved"]


def test_a_rejected_request_moves_nothing(session: Session, program: Program) -> None:
    asked = _ask(session, program)
    assert _decide(session, asked.id, "rejected").status == "rejected"
    assert balance(session, program) == Balance(available=100)


@pytest.mark.parametrize(
    ("actor", "person"),
    [("support:sue", "sue"), ("admin:sue", "sue"), ("key:lk1", None)],
)
@pytest.mark.parametrize("verdict", ["approved", "rejected"])
def test_nobody_decides_their_own_in_whatever_role_and_no_key_does(
    session: Session,
    program: Program,
    actor: str,
    person: str | None,
    verdict: Literal["approved", "rejected"],
) -> None:
    asked = _ask(session, program)
    with pytest.raises(OwnRequest):
        _decide(session, asked.id, verdict, actor=actor, person=person)
    assert read_request(session, asked.id, AT)[0].status == "requested"


def test_postgres_lets_nobody_decide_their_own(session: Session, program: Program) -> None:
    _ask(session, program)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text("UPDATE adjustment_request SET status = 'approved', decided_by = requested_by")
        )


@pytest.mark.parametrize("first", ["approved", "rejected"])
@pytest.mark.parametrize("second", ["approved", "rejected"])
def test_what_is_decided_stays_decided(
    session: Session,
    program: Program,
    first: Literal["approved", "rejected"],
    second: Literal["approved", "rejected"],
) -> None:
    asked = _ask(session, program)
    _decide(session, asked.id, first)
    with pytest.raises(AlreadyDecided, match=first):
        _decide(session, asked.id, second, actor="admin:cal", person="cal")


def test_a_request_ends_with_its_time(session: Session, program: Program) -> None:
    asked = _ask(session, program)
    last = asked.expires_at - timedelta(microseconds=1)
    assert read_request(session, asked.id, last)[0].status == "requested"
    assert read_request(session, asked.id, asked.expires_at)[0].status == "expired"
    with pytest.raises(AlreadyDecided, match="expired"):
        _decide(session, asked.id, at=asked.expires_at)
    _decide(session, asked.id, at=last)


def test_points_that_are_not_there_any_more_leave_the_request_open(
    session: Session, program: Program
) -> None:
    asked = _ask(session, program, -20_000)
    with pytest.raises(InsufficientPoints), session.begin_nested():
        _decide(session, asked.id)
    assert read_request(session, asked.id, AT)[0].status == "requested"


def test_only_for_those_who_are_there(session: Session, program: Program) -> None:
    asked = _ask(session, program)
    leave(session, program, "ann", by=By("ann", None, AT))
    with pytest.raises(NotActive):
        _decide(session, asked.id)
    with pytest.raises(NotActive):
        _ask(session, program)
    with pytest.raises(NotEnrolled):
        request_adjustment(session, program, "bob", Adjust(1, "x"), by=By("a:b", None, AT))
    with pytest.raises(NotFound):
        _decide(session, uuid4())


def test_requests_are_listed_by_how_they_stand(session: Session, program: Program) -> None:
    asked = [_ask(session, program).id for _ in range(3)]
    _decide(session, asked[0])
    _decide(session, asked[1], "rejected")

    def listed(status: str | None, at: datetime = AT) -> list[UUID]:
        found = requests(session, program, at, status=status, before=None, limit=9)
        return [one.id for one in found]

    assert listed(None) == asked[::-1]
    assert [listed(status) for status in ("approved", "rejected", "requested", "expired")] == [
        [asked[0]],
        [asked[1]],
        [asked[2]],
        [],
    ]
    assert listed("expired", AT + 3 * DAY) == [asked[2]]
    page = requests(session, program, AT, status=None, before=asked[1], limit=9)
    assert [one.id for one in page] == [asked[0]]


def test_approved_by_several_at_once_moves_the_points_once(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
        asked = _ask(session, program)

    def approve(person: str) -> str:
        try:
            with transaction(tenant.id) as session:
                _decide(session, asked.id, actor=f"admin:{person}", person=person)
        except Problem as problem:
            return problem.code
        return "approved"

    with ThreadPoolExecutor(6) as threads:
        told = list(threads.map(approve, "abcdef"))
    assert sorted(told) == ["already_decided"] * 5 + ["approved"]
    with transaction(tenant.id) as session:
        assert balance(session, program) == Balance(available=20_000)
