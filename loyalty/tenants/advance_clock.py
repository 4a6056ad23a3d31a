"""A sandbox's clock goes forward, so that what takes months can be tried in a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.clock import wall_clock
from loyalty.errors import Conflict
from loyalty.tenants.models import Tenant
from loyalty.tenants.rules import Duration, later

FURTHEST = timedelta(days=36525)  # ahead of the world's clock


class NotASandbox(Conflict):
    """409: the tenant is live; its clock is the world's."""

    code = "not_a_sandbox"
    title = "A live tenant's clock cannot be moved"
    cure = "Add a sandbox and try it there: loyalty tenants add <slug> --sandbox."


class ClockTooFar(Conflict):
    """409: the clock is as far ahead as it may be."""

    code = "clock_too_far"
    title = "The clock cannot go that far ahead"
    cure = "Add another sandbox: its clock starts with the world's."

    def __init__(self) -> None:
        super().__init__(f"At most {FURTHEST.days} days ahead of the world's clock.")


@dataclass(frozen=True, slots=True)
class Clock:
    """A tenant's clock: `now`, and how far it is `ahead` of the world's."""

    sandbox: bool
    now: datetime
    ahead: timedelta


def clock_of(session: Session, *, lock: bool = False) -> Clock:
    """The clock of the session's tenant; with `lock`, nobody else can move it."""
    query = select(Tenant.sandbox, Tenant.clock_offset).where(
        Tenant.id == session.info["tenant_id"]
    )
    sandbox, ahead = session.execute(query.with_for_update(key_share=True) if lock else query).one()
    return Clock(sandbox, wall_clock() + ahead, ahead)


def advance_clock(session: Session, by: Duration, *, actor: str, request_id: str | None) -> Clock:
    """Moves the clock of the session's tenant forward; months are those of its own calendar.

    Raises NotASandbox, ClockTooFar.
    """
    before = clock_of(session, lock=True)
    if not before.sandbox:
        raise NotASandbox("This tenant is live.")
    try:
        after = later(before.now, by)
    except OverflowError:
        raise ClockTooFar from None
    ahead = before.ahead + (after - before.now)
    if ahead > FURTHEST:
        raise ClockTooFar
    session.execute(
        update(Tenant).where(Tenant.id == session.info["tenant_id"]).values(clock_offset=ahead)
    )
    record(
        session,
        By(actor, request_id, after),
        act="test_clock.advance",
        subject="tenant",
        before={"now": before.now.isoformat()},
        after={"now": after.isoformat()},
    )
    return Clock(True, after, ahead)
