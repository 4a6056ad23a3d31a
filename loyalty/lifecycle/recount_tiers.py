"""A program's tiers or what counts for them have changed: its members follow, batch by batch.

How far it has come stands in `program.tier_recounted_to`. An award or a review that is earlier
counts its own members again; this sees to those that nothing happens to.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ledger.post import lock_accounts
from loyalty.members.standing import standings
from loyalty.tiers.change import Change, change_tiers
from loyalty.tiers.count_again import count_again
from loyalty.tiers.queries import held_by, ladders
from loyalty.tiers.rules import settled

_PROGRAMS = text(
    "SELECT tenant_id, id FROM program WHERE tier_recounted_to IS NOT NULL ORDER BY tenant_id, id"
)
_CLAIM = text(
    "SELECT tier_recounted_to FROM program WHERE tenant_id = :tenant AND id = :program"
    " AND tier_recounted_to IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED"
)
_NEXT = text(
    "SELECT id, member_id, account_id FROM membership WHERE tenant_id = :tenant"
    " AND program_id = :program AND member_id > :after ORDER BY member_id LIMIT :most"
)
_DONE = text(
    "UPDATE program SET tier_recounted_to = :to WHERE tenant_id = :tenant AND id = :program"
)


def programs_to_recount(session: Session) -> list[tuple[int, int]]:
    """(tenant, program) whose members do not all follow it yet. As the system role."""
    return [(row.tenant_id, row.id) for row in session.execute(_PROGRAMS)]


def recount_tiers(session: Session, program_id: int, at: datetime, *, most: int) -> bool:
    """Brings the next `most` members of a program in line; False when none is left, or somebody
    else is at it. Who can fall by the new policy gets a whole period from `at`."""
    own = {"tenant": session.info["tenant_id"], "program": program_id}
    row = session.execute(_CLAIM, own).one_or_none()
    if row is None:
        return False
    members = session.execute(_NEXT, {**own, "after": row.tier_recounted_to, "most": most}).all()
    if members:
        accounts = lock_accounts(session, [one.account_id for one in members])
        count_again(session, accounts)
        ladder = ladders(session, [program_id])[program_id]
        changes = []
        for one in standings(session, [one.id for one in members]).values():
            held = held_by(one)
            after = settled(ladder, held, at)
            here = one.account_id in accounts and one.status not in {"cancelled", "merged"}
            if here and after != held:
                changes.append(
                    Change(one.membership_id, program_id, ladder, held, after, "period_ended")
                )
        change_tiers(session, changes, at)
    left = len(members) == most
    session.execute(_DONE, {**own, "to": members[-1].member_id if left else None})
    return left
