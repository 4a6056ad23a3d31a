"""A member is erased: what they did stays in the book, and nothing in it tells who it was.

They leave every program first. Then each name they have gets another that says nothing, and what
is personal is overwritten wherever it was copied to. There is no way back: nobody keeps the names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.care.leave import end
from loyalty.care.personal import KEYED, SCANNED
from loyalty.ids import uuid7
from loyalty.ledger.post import lock_accounts
from loyalty.members.queries import member_by_id
from loyalty.programs.queries import program_by_id

PREFIX = "erased-"


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: from how many programs they were taken, and how many names they had."""

    programs: int
    names: int


# Everything of the tenant that may name them is read once, however much that is.
_TAKE_YOUR_TIME = text("SET LOCAL statement_timeout = '10min'")
# What is append-only may be overwritten from here to there, and only what can name somebody.
_FROM_HERE = text("SET LOCAL loyalty.erasing = 'yes'")
_TO_THERE = text("SET LOCAL loyalty.erasing = ''")
_NAMES = text(
    "SELECT id, member_id FROM member WHERE tenant_id = :tenant AND (id = :id OR merged_into = :id)"
    " ORDER BY id FOR UPDATE"
)
# What is open first, as everybody locks: a worker that has one in hand ends before this goes on.
_OPEN = text(
    "SELECT u.activity_id FROM unsettled u"
    " JOIN activity a ON a.tenant_id = u.tenant_id AND a.id = u.activity_id"
    " LEFT JOIN identifier i ON i.tenant_id = a.tenant_id AND i.kind = a.identifier_kind"
    "   AND i.value = a.identifier_value"
    " WHERE u.tenant_id = :tenant AND (a.member_id = ANY(:names) OR i.member_id = ANY(:ids))"
    " ORDER BY u.activity_id FOR UPDATE OF u"
)
_MEMBERSHIPS = text(
    "SELECT id, program_id, account_id, status FROM membership"
    " WHERE tenant_id = :tenant AND member_id = ANY(:ids) ORDER BY id"
)
_ACTIVITIES = text(
    """
    SELECT activity_id FROM award WHERE tenant_id = :tenant AND account_id = ANY(:accounts)
    UNION
    SELECT activity_id FROM setback WHERE tenant_id = :tenant AND member_id = ANY(:names)
    UNION
    SELECT s.activity_id FROM identifier i
    JOIN setback s ON s.tenant_id = :tenant AND s.identifier_kind = i.kind
      AND s.identifier_value = i.value
    WHERE i.tenant_id = :tenant AND i.member_id = ANY(:ids)
    """
)
_VALUES = text(
    "SELECT value FROM identifier WHERE tenant_id = :tenant AND member_id = ANY(:ids)"
    " UNION SELECT name FROM member WHERE tenant_id = :tenant AND id = ANY(:ids)"
    "   AND name IS NOT NULL"
)
# What was answered under an idempotency key tells the id of what was made.
_MADE = text(
    """
    SELECT id FROM redemption WHERE tenant_id = :tenant AND account_id = ANY(:accounts)
    UNION ALL
    SELECT id FROM adjustment WHERE tenant_id = :tenant AND account_id = ANY(:accounts)
    UNION ALL
    SELECT id FROM adjustment_request WHERE tenant_id = :tenant AND member_id = ANY(:ids)
    UNION ALL
    SELECT id FROM transfer WHERE tenant_id = :tenant
      AND (from_account = ANY(:accounts) OR to_account = ANY(:accounts))
    UNION ALL
    SELECT id FROM member_merge WHERE tenant_id = :tenant
      AND (from_member = ANY(:ids) OR into_member = ANY(:ids))
    """
)


def erase(session: Session, member_id: str, reason: str, by: By) -> Erased:
    """Erases the member with all names that are theirs by a merge. Raises NotFound: also the
    second time, for nobody can tell any more that there was such a member.

    The audit log keeps that somebody was erased, by whom and why, and not who it was.
    """
    session.execute(_TAKE_YOUR_TIME)
    member = member_by_id(session, member_id, lock=True)
    values: dict[str, object] = {"tenant": session.info["tenant_id"], "id": member.id}
    named = session.execute(_NAMES, values).all()
    fresh = [f"{PREFIX}{uuid4().hex}" for _ in named]
    values |= {
        "ids": [row.id for row in named],
        "names": [row.member_id for row in named],
        "fresh": fresh,
        "own": fresh[[row.id for row in named].index(member.id)],
        "at": by.at,
    }
    open_still = list(session.scalars(_OPEN, values))
    act = uuid7()
    slugs = _leave_all(session, member.member_id, values, act, by)
    values["activities"] = [*session.scalars(_ACTIVITIES, values), *open_still]
    values["made"] = [str(one) for one in session.scalars(_MADE, values)]
    told = [*session.scalars(_VALUES, values), *(row.member_id for row in named)]
    values |= {"told": told, "blank": ["erased"] * len(told)}
    session.execute(_FROM_HERE)
    for statement in (*KEYED, *SCANNED):
        session.execute(text(statement), values)
    session.execute(_TO_THERE)
    session.expire_all()
    record(
        session,
        By(by.actor, None, by.at),
        act="member.erase",
        subject=f"member {values['own']}",
        after={"programs": slugs, "names": len(named)},
        reason=reason,
        record_id=act,
    )
    return Erased(len(slugs), len(named))


def _leave_all(
    session: Session, member_id: str, values: dict[str, object], act: UUID, by: By
) -> list[str]:
    """The slugs of the programs that they were in until now; all their accounts are locked."""
    memberships: Sequence[Row[tuple[int, int, int, str]]] = session.execute(
        _MEMBERSHIPS, values
    ).all()
    values["accounts"] = sorted({row.account_id for row in memberships})
    values["memberships"] = [row.id for row in memberships]
    lock_accounts(session, {row.account_id for row in memberships})
    left = []
    for row in memberships:
        if row.status not in {"cancelled", "merged"}:
            program = program_by_id(session, row.program_id)
            end(session, program, member_id, act, by.at)
            left.append(program.slug)
    return left
