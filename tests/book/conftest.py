"""A small book with a bit of everything, to be looked at, walled off, and broken on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.earning.award import award_activities
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.redemption.redeem import Redeem
from loyalty.tenants.add_key import add_key
from loyalty.tenants.roles import Role
from tests.earning.give_back.given import returned, settled
from tests.earning.given import bought, stored
from tests.opened import AT, give, joined, opened, redeemed


@dataclass(frozen=True, slots=True)
class Book:
    """Something in every table: ann earned 100 and 7, was given 50, spent 30 and lost 20.

    Bob has left; a purchase of Carl's is parked, one of ann's is open. Dora brought back 5 of 12,
    and another return of hers waits for its purchase.
    """

    program: Program
    account: int
    membership: int
    awarded: UUID
    parked: UUID
    open: UUID
    dora: int
    brought_back: UUID
    returned: UUID
    waiting: UUID


def written(session: Session, slug: str = "wine") -> Book:
    """Writes the book into a program of its own; ann's entries are 1 to 5 in the order told."""
    program = opened(session, slug)
    joined(session, program, "ann")
    join(session, program, NewMember("bob", (Identifier("card", slug),)), AT)
    give(session, program, 40, "bob")
    add_key(
        session,
        tenant_id=session.info["tenant_id"],
        name=slug,
        role=Role.SERVER,
        scopes=None,
        sources=None,
        expires_at=None,
        at=AT,
    )
    awarded, again, parked = stored(
        session, program, bought("100"), bought("7"), bought("5", "carl")
    )
    award_activities(session, [awarded, again, parked], AT)
    give(session, program, 50)
    redeemed(session, program, Redeem(points=30), key=f"{slug}-burn")
    give(session, program, -20)
    leave(session, program, "bob", actor="bob", request_id=None, at=AT)
    [open_still] = stored(session, program, bought("9"))
    ann = membership_of(session, program.id, "ann")
    return Book(
        program, ann.account_id, ann.id, awarded, parked, open_still, *_returned(session, program)
    )


def _returned(session: Session, program: Program) -> tuple[int, UUID, UUID, UUID]:
    """Dora's account, her purchase, its return, and the one that waits."""
    joined(session, program, "dora")
    [purchase] = stored(session, program, bought("12", "dora", key="t-dora"))
    award_activities(session, [purchase], AT, top_up=False)
    back = settled(session, program, returned("t-dora", amount="5"))
    waiting = settled(session, program, returned("t-unknown"))
    account = membership_of(session, program.id, "dora").account_id
    return account, purchase, back.id, waiting.id


@pytest.fixture
def book(session: Session) -> Book:
    """The book in the session's own tenant."""
    return written(session)


def act_as(session: Session, role: str) -> None:
    """From here on the session's transaction has the rights of another role."""
    session.execute(text("RESET ROLE"))
    session.execute(text(f"SET LOCAL ROLE {role}"))
