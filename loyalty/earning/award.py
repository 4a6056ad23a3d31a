"""Award: open purchases become points, in sets, each exactly once.

The verb of the workers. Claim (row locks), load the rules, lock the accounts, read the members,
decide (pure), write in two statements. Doing it twice changes nothing: what is judged is no
longer open, and unique keys have the last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.conditions.facts import MemberFacts
from loyalty.earning import bonus
from loyalty.earning.accept import plain
from loyalty.earning.claim import claim
from loyalty.earning.enrol_stranger import enrol_strangers
from loyalty.earning.give_back.sweep import wake_waiting
from loyalty.earning.program_rules import ProgramRules, program_rules
from loyalty.earning.rules import (
    Setback,
    explanation,
    parked,
    purchase_of,
    refusal,
    stranger,
)
from loyalty.ledger.post import Account, AccountFull, lock_accounts, post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.members.standing import Standing, raise_tiers, standings
from loyalty.promotions.queries import published_versions
from loyalty.promotions.rules import Version, evaluate
from loyalty.tiers.rules import rise


@dataclass(slots=True)
class Judged:
    """What one batch decided; `waits_s` are the times from recorded to awarded, in seconds."""

    awards: list[dict[str, Any]] = field(default_factory=list)
    setbacks: list[dict[str, Any]] = field(default_factory=list)
    risen: dict[int, str] = field(default_factory=dict)  # membership → tier key
    waits_s: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many purchases were judged."""
        return len(self.awards) + len(self.setbacks)


@dataclass(frozen=True, slots=True)
class Book:
    """What a batch decides with: rules read before the locks, accounts and members after."""

    programs: dict[int, ProgramRules]
    versions: dict[int, list[Version]]
    accounts: dict[int, Account]
    members: dict[int, Standing]
    at: datetime


def award_activities(
    session: Session, ids: Sequence[UUID], at: datetime, *, top_up: bool = True
) -> Judged:
    """Judges the open purchases among `ids` (and others of the tenant up to 200 with `top_up`)."""
    claimed = claim(session, ids, top_up=top_up)
    judged = Judged()
    if not claimed:
        return judged
    program_ids = {row.program_id for row in claimed}
    programs = program_rules(session, program_ids)
    if enrol_strangers(session, claimed, programs, at):
        claimed = claim(session, [row.id for row in claimed], top_up=False)
    book = Book(
        programs,
        published_versions(session, program_ids),
        lock_accounts(session, {row.account_id for row in claimed if row.account_id}),
        standings(session, {row.membership_id for row in claimed if row.membership_id}),
        at,
    )
    for row in claimed:
        _judge(row, book, judged)
    post(session, book.accounts.values(), at)
    settle(session, judged)
    wake_waiting(session, [row.id for row in claimed])
    raise_tiers(session, judged.risen, at)
    return judged


def _judge(row: Row[Any], book: Book, judged: Judged) -> None:
    program = book.programs[row.program_id]
    member = book.members.get(row.membership_id) if row.membership_id else None
    setback: Setback | None
    if member is None or member.status == "cancelled":
        setback = stranger(  # who can join has joined: see enrol_strangers
            program.unknown_member, program.park_window_days, row.recorded_at, can_join=False
        )
    elif member.status == "suspended":
        setback = parked(
            "suspended",
            "Waits for the membership to be reinstated.",
            program.park_window_days,
            row.recorded_at,
        )
    elif member.account_id not in book.accounts:
        return  # the membership moved to another account meanwhile: stays open, the sweep returns
    else:
        setback = _earn(row, member, program, book, judged)
    if setback:
        judged.setbacks.append(_setback_row(row, setback, book.at))


def _earn(
    row: Row[Any], member: Standing, program: ProgramRules, book: Book, judged: Judged
) -> Setback | None:
    account = book.accounts[member.account_id]
    tier = judged.risen.get(member.membership_id, member.tier_key)
    facts = MemberFacts(member.joined_at, tier, account.tier_points)
    worth = _worth(row, facts, book)
    if isinstance(worth, Setback):
        return worth
    points, explained = worth
    decided_on = account.version
    try:
        entries = account.issue(
            Kind.AWARD,
            Bucket.ISSUED,
            points,
            cause_id=row.id,
            occurred_at=row.occurred_at,
            tier_points=points,
        )
    except AccountFull as error:
        return Setback("rejected", error.code, error.detail)
    risen = rise(program.tiers, tier, account.tier_points)
    if risen:
        judged.risen[member.membership_id] = risen.key
    judged.waits_s.append((book.at - row.recorded_at).total_seconds())
    judged.awards.append(
        {
            "program_id": row.program_id,
            "activity_id": row.id,
            "account_id": account.id,
            "account_version": decided_on,
            "entries": entries,
            "points": points,
            "awarded_at": book.at,
            "explanation": explained,
        }
    )
    return None


def _worth(row: Row[Any], facts: MemberFacts, book: Book) -> Setback | tuple[int, dict[str, Any]]:
    """The points and why; a bonus is worth what was promised, whatever the promotions say."""
    if row.kind == bonus.KIND:
        return row.body["points"], {**explanation((), facts), "bonus": row.body["why"]}
    purchase = purchase_of(row.kind, row.occurred_at, row.amount, row.currency, row.body)
    shares = evaluate(purchase, book.versions[row.program_id], facts).shares
    points = sum(share.points for share in shares)
    return refusal(shares, row.currency) or (points, explanation(shares, facts))


def _setback_row(row: Row[Any], setback: Setback, at: datetime) -> dict[str, Any]:
    return {
        "program_id": row.program_id,
        "activity_id": row.id,
        "status": setback.status,
        "reason": setback.reason,
        "detail": setback.detail,
        "member_id": row.member_id,
        "identifier_kind": row.identifier_kind,
        "identifier_value": row.identifier_value,
        "at": at,
        "until": setback.until,
    }


_SETTLE = text("SELECT settle_activities(:tenant, CAST(:awards AS json), CAST(:setbacks AS json))")


def settle(session: Session, judged: Judged) -> None:
    """Writes the verdicts; what is judged is no longer open."""
    session.execute(
        _SETTLE,
        {
            "tenant": session.info["tenant_id"],
            "awards": orjson.dumps(judged.awards, default=plain).decode(),
            "setbacks": orjson.dumps(judged.setbacks, default=plain).decode(),
        },
    )


_FAIL = text(
    "SELECT a.id, a.program_id, a.member_id, a.identifier_kind, a.identifier_value"
    " FROM unsettled u JOIN activity a ON a.tenant_id = u.tenant_id AND a.id = u.activity_id"
    " WHERE u.tenant_id = :tenant AND u.activity_id = :id FOR UPDATE OF u SKIP LOCKED"
)


def fail(session: Session, activity_id: UUID, reason: str, detail: str, at: datetime) -> bool:
    """Marks one open purchase as failed, with its error; it is kept, shown and can be retried."""
    row = session.execute(
        _FAIL, {"tenant": session.info["tenant_id"], "id": activity_id}
    ).one_or_none()
    if row is None:
        return False
    judged = Judged()
    judged.setbacks.append(_setback_row(row, Setback("failed", reason, detail), at))
    settle(session, judged)
    return True
