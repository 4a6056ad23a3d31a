"""A program and its people, as most tests of the rooms above the ledger need them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.adjust import Adjust, adjust
from loyalty.care.join import join
from loyalty.db import InSession
from loyalty.errors import Problem
from loyalty.idempotency.once import Answer
from loyalty.ledger.rules import Balance
from loyalty.members.enrol import NewMember
from loyalty.members.queries import membership_of
from loyalty.programs.create_program import NewProgram
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings
from loyalty.promotions.open_program import open_program
from loyalty.redemption.burn import Key
from loyalty.redemption.redeem import Burn, Redeem, Redeemed, redeem

AT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def opened(
    session: Session, slug: str = "wine", settings: ProgramSettings | None = None
) -> Program:
    """A program with the default tiers."""
    order = NewProgram(slug, "Wine & Dine", settings=settings or ProgramSettings())
    return open_program(session, order, by=By("test", None, AT))


def joined(session: Session, program: Program, member_id: str = "ann", points: int = 0) -> None:
    """A member who has joined and been given points."""
    join(session, program, NewMember(member_id), AT)
    if points:
        give(session, program, points, member_id)


def give(session: Session, program: Program, points: int, member_id: str = "ann") -> None:
    """Points given (or, below zero, taken) by an admin."""
    adjust(session, program, member_id, Adjust(points, "a test"), by=By("test", None, AT))


def balance(session: Session, program: Program, member_id: str = "ann") -> Balance:
    """What the account's row says."""
    row = session.execute(
        text("SELECT pending, available, held, owed FROM account WHERE id = :id"),
        {"id": membership_of(session, program.id, member_id).account_id},
    ).one()
    return Balance(*row)


def redeemed(
    session: Session, program: Program, order: Redeem, key: str = "", at: datetime = AT
) -> Redeemed:
    """A burn of Ann's under a key of its own; raises the refusal of one that is not made."""
    outcome: list[Redeemed | Problem] = []

    def tell(made: Redeemed | Problem) -> Answer:
        outcome.append(made)
        return Answer(201, "told")

    under = Key("redemptions.create", key or str(uuid4()), b"hash")
    redeem(InSession(session), Burn(program, "ann", order, under, tell, By("ann", "r1", at)))
    [made] = outcome
    if isinstance(made, Problem):
        raise made
    return made
