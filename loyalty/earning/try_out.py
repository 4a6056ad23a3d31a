"""Dry run: what a purchase would give, and why, with nothing written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.conditions.facts import Ask, MemberFacts
from loyalty.earning.accept import Earn, plain
from loyalty.earning.explain import explain
from loyalty.earning.facts import open_facts
from loyalty.earning.program_rules import ProgramRules, program_rules
from loyalty.earning.queries import Told
from loyalty.earning.rules import Setback, parked, stranger
from loyalty.earning.worth import Worth, occasions_of, unknown_goods, worth
from loyalty.errors import Invalid
from loyalty.ids import uuid7
from loyalty.programs.queries import Program
from loyalty.promotions.limits import open_counters
from loyalty.promotions.queries import drafts_of, published_versions
from loyalty.promotions.rule import Version
from loyalty.promotions.rulebook import Rulebook
from loyalty.tiers.queries import tier_at

_MEMBER = text(
    "SELECT ms.id, ms.account_id, ms.status, ms.tier_key, ms.joined_at, ac.tier_points, m.member_id"
    " FROM member m JOIN membership ms ON ms.tenant_id = m.tenant_id AND ms.member_id = m.id"
    " JOIN account ac ON ac.tenant_id = ms.tenant_id AND ac.id = ms.account_id"
    " WHERE m.tenant_id = :tenant AND ms.program_id = :program AND (m.id ="
    "  (SELECT coalesce(merged_into, id) FROM member WHERE tenant_id = :tenant"
    "   AND member_id = :member) OR"
    "  m.id = (SELECT i.member_id FROM identifier i WHERE i.tenant_id = :tenant"
    "          AND i.kind = :kind AND i.value = :value))"
)
_NOBODY = 0  # no membership and no account has this id


def try_out(
    session: Session, book: Program, earn: Earn, at: datetime, *, drafts: Collection[str] = ()
) -> dict[str, Any]:
    """`{status, points, reason?, explanation}` as the purchase would be judged at `at`.

    `drafts` are the keys of promotions whose draft counts, instead of what is published of them.
    Raises Invalid (?drafts) for one that has no draft.
    """
    program = program_rules(session, [book.id])[book.id]
    member = _member(session, book.id, earn)
    setback, facts = _facts(session, book.id, member, program, earn, at)
    judged = setback or _judged(session, book, program, earn, member, facts, drafts, at)
    if isinstance(judged, Setback):
        return {
            "status": judged.status,
            "points": 0,
            "reason": judged.reason,
            "explanation": {"sentence": judged.detail},
        }
    told = _told(book, earn, judged, at)
    return {
        "status": "awarded",
        "points": judged.points,
        "explanation": explain(session, [told])[0],
    }


def _judged(
    session: Session,
    book: Program,
    program: ProgramRules,
    earn: Earn,
    member: Row[Any] | None,
    plain_facts: MemberFacts,
    drafts: Collection[str],
    at: datetime,
) -> Worth | Setback:
    versions = _versions(session, book.id, drafts)
    membership_id, account_id = (member.id, member.account_id) if member else (_NOBODY, _NOBODY)
    facts = open_facts(
        session,
        [earn],
        {membership_id: account_id},
        frozenset[Ask]().union(*(version.rule.asks for version in versions)),
        at,
        catalogue=program.wants_catalogue,
    )
    refused = unknown_goods(earn, program, facts.catalogue)
    if refused:
        return refused
    purchase = facts.purchase(earn, program.zone)
    seen = facts.member(plain_facts, membership_id, account_id, purchase, program.zone)
    in_force = Rulebook(versions).at(earn.occurred_at)
    occasions = occasions_of(in_force, account_id, earn.occurred_at, program.zone)
    counters = open_counters(session, occasions.values(), lock=False)
    return worth(purchase, seen, in_force, occasions, program, counters, at)


def _versions(session: Session, program_id: int, drafts: Collection[str]) -> list[Version]:
    published = published_versions(session, [program_id]).get(program_id, [])
    if not drafts:
        return published
    found = drafts_of(session, program_id, drafts)
    for key in drafts:
        if key not in found:
            raise Invalid.field("?drafts", "no_draft", f"No version of {key!r} is a draft.")
    tried = [replace(one, starts_at=None, ends_at=None) for one in found.values()]
    replaced = {one.promotion_id for one in tried}
    return [one for one in published if one.promotion_id not in replaced] + tried


def _told(book: Program, earn: Earn, judged: Worth, at: datetime) -> Told:
    """The purchase as if it had been awarded."""
    return Told(
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
        body=dict(earn.body) if earn.body else None,
        status="awarded",
        points=judged.points,
        awarded_at=at,
        account_id=None,
        entry_versions=(),
        explanation=orjson.loads(orjson.dumps(judged.explanation, default=plain)),
        reason=None,
        detail=None,
        until=None,
    )


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
    session: Session,
    program_id: int,
    member: Row[Any] | None,
    program: ProgramRules,
    earn: Earn,
    at: datetime,
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
    tier = tier_at(session, program_id, member.id, member.tier_points, at)
    return None, MemberFacts(member.joined_at, tier, member.tier_points)
