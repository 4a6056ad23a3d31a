"""Programs that write to their members, and members who can be written to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.care.join import join
from loyalty.clock import wall_clock
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import membership_of
from loyalty.notifications.find import find_causes
from loyalty.programs.mail import Mail
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings
from loyalty.transaction import transaction
from tests.opened import AT, give, opened
from tests.tenant import TestTenant

ANN = "ann@example.com"


def writing(session: Session, slug: str = "wine", **mail: Any) -> Program:
    """A program that writes about this."""
    return opened(session, slug, ProgramSettings(mail=Mail(**mail)))


def reached(
    session: Session, program: Program, member_id: str = "ann", at: datetime = AT, **more: Any
) -> int:
    """A member with an address; the id of the membership."""
    known = (Identifier("email", f"{member_id}@example.com"),)
    join(session, program, NewMember(member_id, known, **more), at)
    return membership_of(session, program.id, member_id).id


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bank:
    """A committed tenant with a program and Ann in it: the feed tells only what is committed."""

    tenant: TestTenant
    program: Program
    ann: int

    def do(self, act: Callable[[Session], T]) -> T:
        """What `act` does, committed."""
        with transaction(self.tenant.id) as session:
            return act(session)

    def give(self, points: int, member_id: str = "ann") -> None:
        """Points given, or taken."""
        self.do(lambda session: give(session, self.program, points, member_id))

    def find(self) -> list[Noted]:
        """All mails that are known once everything that happened has been read."""
        while self.do(lambda session: find_causes(session, wall_clock(), wall_clock())):
            pass
        return self.do(noted)


def bank(tenant: TestTenant, **mail: Any) -> Bank:
    """The bank of a program that writes about this."""
    with transaction(tenant.id) as session:
        program = writing(session, **mail)
        return Bank(tenant, program, reached(session, program))


@dataclass(frozen=True, slots=True)
class Noted:
    """What is kept of one mail."""

    kind: str
    cause: str
    data: dict[str, Any]
    status: str
    reason: str | None
    tries: int


def noted(session: Session) -> list[Noted]:
    """All mails of the tenant, in the order in which they were found."""
    rows = session.execute(
        text("SELECT kind, cause, data, status, reason, tries FROM notification ORDER BY id")
    )
    return [Noted(*row) for row in rows]
