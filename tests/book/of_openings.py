"""Points that were brought along, and a member who was erased, in the small book."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.erase import erase
from loyalty.care.open_balances import Opening, open_balances
from loyalty.ids import uuid7
from loyalty.jobs.imports.lines import Line, add_chunk
from loyalty.jobs.imports.records import Code
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from tests.opened import AT, joined


@dataclass(frozen=True, slots=True)
class Carried:
    """Olga brought 60 points along, 25 of which count for her tier. Ned was erased."""

    olga: int
    opening: UUID


def carried(session: Session, program: Program) -> Carried:
    """Writes it, and a line of a file that waits to be brought in."""
    by, olga, ned = By("test", None, AT), f"olga-{program.slug}", f"ned-{program.slug}"
    joined(session, program, olga)
    joined(session, program, ned)
    opening = Opening(f"old-{program.slug}", olga, 60, tier_points=25)
    assert open_balances(session, program, [opening], by) == ["added"]
    add_chunk(session, uuid7(), 0, [Line(1, Code("tour", "ABC"))], AT)
    erase(session, ned, "asked for it", by)
    own = membership_of(session, program.id, olga).account_id
    opened: UUID = session.execute(
        text("SELECT id FROM opening_balance WHERE account_id = :account"), {"account": own}
    ).scalar_one()
    return Carried(own, opened)


BREAKS = [
    (
        "an opening balance is its entries",
        "UPDATE opening_balance SET points = points + 1",
        "opening balance {carried.opening}",
    ),
    (
        "an opening balance is its entries",
        "UPDATE opening_balance SET account_id = {a}",
        "opening balance {carried.opening}",
    ),
    (
        "tier points are what was earned since joining",
        "UPDATE opening_balance SET tier_points = 24",
        "account {carried.olga}",
    ),
    (
        "who is erased has left and is nobody",
        "UPDATE member SET erased_at = now() WHERE member_id = '{care.hugo_name}'",
        "member {care.hugo_name}",
    ),
]
