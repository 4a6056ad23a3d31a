"""A transfer, a merge and an adjustment that two decided, and how each could be broken."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.adjust import Adjust
from loyalty.care.merge import Merge, merge
from loyalty.care.request_adjustment import decide, request_adjustment
from loyalty.care.transfer import Transfer, transfer
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from tests.opened import AT, joined


@dataclass(frozen=True, slots=True)
class Cared:
    """Gina gave Hugo 4 of 10, got 3 that two people agreed on, and absorbed Ivy, who had 6.

    Gina's entries are 1 to 4 in the order told, Ivy's 1 and 2.
    """

    gina: int
    hugo: int
    ivy: int
    ivy_membership: int
    gina_membership: int
    hugo_name: str
    transfer: UUID
    request: UUID
    merge: UUID


def cared(session: Session, program: Program) -> Cared:
    """Writes it; the names are of this program alone."""
    gina, hugo, ivy = (f"{name}-{program.slug}" for name in ("gina", "hugo", "ivy"))
    for name, points in ((gina, 10), (hugo, 0), (ivy, 6)):
        joined(session, program, name, points)
    given = transfer(session, program, Transfer(gina, hugo, 4, "a gift"), by=By("test", None, AT))
    asked = request_adjustment(
        session, program, gina, Adjust(3, "sorry"), by=By("support:sue", None, AT)
    )
    decide(session, asked.id, "approved", reason=None, person="bea", by=By("admin:bea", None, AT))
    of_gina, of_hugo, of_ivy = (
        membership_of(session, program.id, name) for name in (gina, hugo, ivy)
    )
    merged = merge(session, Merge(ivy, gina), by=By("test", None, AT))
    return Cared(
        of_gina.account_id,
        of_hugo.account_id,
        of_ivy.account_id,
        of_ivy.id,
        of_gina.id,
        hugo,
        given.transfer.id,
        asked.id,
        merged,
    )


BREAKS = [
    (
        "an account is the sum of its entries",
        "UPDATE account SET lifetime = 13 WHERE id = {care.gina}",
        "account {care.gina}",
    ),
    (
        "what one member gave another got",
        "UPDATE transfer SET points = 5 WHERE id = '{care.transfer}'",
        "transfer {care.transfer}",
    ),
    (
        "what one member gave another got",
        "UPDATE entry SET kind = 'merge' WHERE account_id = {care.hugo} AND version = 1",
        "transfer {care.transfer}",
    ),
    (
        "transfer entries have a transfer",
        "DELETE FROM transfer",
        "entry {care.gina}-2",
    ),
    (
        "merged accounts are empty",
        "UPDATE account SET lifetime = 1 WHERE id = {care.ivy}",
        "account {care.ivy}",
    ),
    (
        "who is merged has an heir",
        "UPDATE membership SET status = 'active' WHERE id = {care.ivy_membership}",
        "membership {care.ivy_membership}",
    ),
    (
        "who is merged has an heir",
        "UPDATE merged_account SET undone = true",
        "membership {care.ivy_membership}",
    ),
    (
        "who is merged has an heir",
        "UPDATE merged_account SET into_account = {care.hugo}",
        "membership {care.ivy_membership}",
    ),
    (
        "a survivor is merged into nobody",
        "UPDATE member SET merged_into ="
        " (SELECT m.id FROM member m WHERE m.member_id = '{care.hugo_name}'"
        " AND m.tenant_id = member.tenant_id)"
        " WHERE id = (SELECT member_id FROM membership WHERE id = {care.gina_membership})",
        "member ivy-wine",
    ),
    (
        "what a merge takes it gives",
        "UPDATE entry SET points = 7 WHERE account_id = {care.ivy} AND version = 2",
        "merge {care.merge}",
    ),
    (
        "what is transferred arrives",
        "DELETE FROM entry WHERE account_id = {care.hugo}",
        "program",
    ),
    (
        "a request is an adjustment when it is approved",
        "DELETE FROM adjustment WHERE id = '{care.request}'",
        "adjustment request {care.request}",
    ),
    (
        "a request is an adjustment when it is approved",
        "UPDATE adjustment_request SET status = 'requested', decided_by = NULL",
        "adjustment request {care.request}",
    ),
]
