"""A referral is completed by the first purchase of who was referred."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.outbox.emit import Event, emit

SOURCE = ":referral"  # of the bonuses that referrals pay


@dataclass(frozen=True, slots=True)
class Bought:
    """An awarded purchase of the member of a locked account."""

    program_id: int
    membership_id: int
    activity_id: UUID
    amount: Decimal
    currency: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class CompletedReferral:
    """Both are to be paid, once; members are named by the tenant's own ids."""

    id: UUID
    program_id: int
    referrer: str
    referred: str
    referrer_points: int
    referred_points: int
    activity_id: UUID
    occurred_at: datetime


# The first of each member's purchases that is worth enough. The account of who was referred is
# locked, so that nobody else completes the same.
_COMPLETE = text(
    """
    WITH bought AS (
      SELECT b.*, ms.member_id FROM json_to_recordset(CAST(:bought AS json)) AS b(
        n integer, program_id integer, membership_id bigint, activity_id uuid, amount numeric,
        currency text, occurred_at timestamptz)
      JOIN membership ms ON ms.tenant_id = :tenant AND ms.id = b.membership_id
    ), done AS (
      SELECT DISTINCT ON (r.id) r.id, b.activity_id, b.occurred_at FROM bought b
      JOIN program p ON p.tenant_id = :tenant AND p.id = b.program_id
      JOIN referral r ON r.tenant_id = :tenant AND r.program_id = b.program_id
        AND r.referred_id = b.member_id AND r.completed_at IS NULL
        AND (r.least_amount = 0 OR (b.amount >= r.least_amount AND b.currency = p.currency))
      ORDER BY r.id, b.n
    )
    UPDATE referral r SET completed_at = :at, activity_id = done.activity_id
    FROM done, member referrer, member referred
    WHERE r.tenant_id = :tenant AND r.id = done.id AND r.completed_at IS NULL
      AND referrer.tenant_id = :tenant AND referrer.id = r.referrer_id
      AND referred.tenant_id = :tenant AND referred.id = r.referred_id
    RETURNING r.id, r.program_id, referrer.member_id AS referrer, referred.member_id AS referred,
      r.referrer_points, r.referred_points, r.activity_id, done.occurred_at
    """
)


def complete_referrals(
    session: Session, bought: Iterable[Bought], at: datetime
) -> list[CompletedReferral]:
    """Completes the open referrals of those who have bought. Event: referral.completed.

    No purchase costs nothing.
    """
    rows = [
        {
            "n": n,
            "program_id": one.program_id,
            "membership_id": one.membership_id,
            "activity_id": one.activity_id,
            "amount": f"{one.amount:f}",
            "currency": one.currency,
            "occurred_at": one.occurred_at,
        }
        for n, one in enumerate(bought)
    ]
    if not rows:
        return []
    found = session.execute(
        _COMPLETE,
        {"tenant": session.info["tenant_id"], "bought": orjson.dumps(rows).decode(), "at": at},
    )
    completed = [CompletedReferral(*row) for row in sorted(found, key=lambda row: row.id)]
    emit(session, [_event(one) for one in completed], at)
    return completed


def _event(one: CompletedReferral) -> Event:
    data = {
        "referral": str(one.id),
        "referred": one.referred,
        "activity_id": str(one.activity_id),
        "referrer_points": one.referrer_points,
        "referred_points": one.referred_points,
    }
    return Event("referral.completed", f"member {one.referrer}", data, one.program_id)
