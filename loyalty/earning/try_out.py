"""Dry run: what a purchase would give, and why, with nothing written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.conditions.facts import MemberFacts
from loyalty.earning.accept import Earn, plain
from loyalty.earning.explain import explain
from loyalty.earning.program_rules import ProgramRules, program_rules
from loyalty.earning.queries import Told
from loyalty.earning.rules import Setback, explanation, parked, purchase_of, refusal, stranger
from loyalty.ids import uuid7
from loyalty.programs.queries import Program
from loyalty.promotions.queries import published_versions
from loyalty.promotions.rules import evaluate

_MEMBER = text(
    "SELECT ms.status, ms.tier_key, ms.joined_at, ac.tier_points, m.member_id"
    " FROM member m JOIN membership ms ON ms.tenant_id = m.tenant_id AND ms.member_id = m.id"
    " JOIN account ac ON ac.tenant_id = ms.tenant_id AND ac.id = ms.account_id"
    " WHERE m.tenant_id = :tenant AND ms.program_id = :program AND (m.member_id = :member OR"
    "  m.id = (SELECT i.member_id FROM identifier i WHERE i.tenant_id = :tenant"
    "          AND i.kind = :kind AND i.value = :value))"
)


def try_out(session: Session, book: Program, earn: Earn, at: datetime) -> dict[str, Any]:
    """`{status, points, reason?, explanation}` as the purchase would be judged now."""
    program = program_rules(session, [book.id])[book.id]
    setback, facts = _facts(_member(session, book.id, earn), program, earn, at)
    body = dict(earn.body) if earn.body else None
    purchase = purchase_of(earn.kind, earn.occurred_at, earn.amount, earn.currency, body)
    versions = published_versions(session, [book.id]).get(book.id, [])
    shares = evaluate(purchase, versions, facts).shares
    setback = setback or refusal(shares, earn.currency)
    if setback:
        return {
            "status": setback.status,
            "points": 0,
            "reason": setback.reason,
            "explanation": {"sentence": setback.detail},
        }
    points = sum(share.points for share in shares)
    stored = orjson.loads(orjson.dumps(explanation(shares, facts), default=plain))
    told = Told(
        id=uuid7(),
        program=book.slug,
        unit=book.unit,
        source=earn.source,
        transaction_id=earn.transaction_id,
        whose=earn.member_id,
        kind=earn.kind,
        amount=earn.amount,
        currency=earn.currency,
        occurred_at=earn.occurred_at,
        recorded_at=at,
        body=body,
        status="awarded",
        points=points,
        awarded_at=at,
        account_id=None,
        entry_versions=(),
        explanation=stored,
        reason=None,
        detail=None,
        until=None,
    )
    return {"status": "awarded", "points": points, "explanation": explain(session, [told])[0]}


def _member(session: Session, program_id: int, earn: Earn) -> Row[Any] | None:
    kind, value = earn.identifier or (None, None)
    return session.execute(
        _MEMBER,
        {
            "tenant": session.info["tenant_id"],
            "program": program_id,
            "member": earn.member_id,
            "kind": kind,
            "value": value,
        },
    ).one_or_none()


def _facts(
    member: Row[Any] | None, program: ProgramRules, earn: Earn, at: datetime
) -> tuple[Setback | None, MemberFacts]:
    """What the rules would see of the member, and why it might not come to that."""
    newcomer = MemberFacts(at, program.tiers[0].key, 0)
    if member is None or member.status == "cancelled":
        can_join = member is None and earn.member_id is not None
        days = program.park_window_days
        return stranger(program.unknown_member, days, at, can_join=can_join), newcomer
    if member.status == "suspended":
        waits = parked("suspended", "Waits to be reinstated.", program.park_window_days, at)
        return waits, newcomer
    return None, MemberFacts(member.joined_at, member.tier_key, member.tier_points)
