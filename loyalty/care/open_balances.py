"""Points are brought along from another system: each line is one lot, opened once, for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Conflict, Invalid, Problem, Unavailable
from loyalty.idempotency.rules import input_hash
from loyalty.ids import uuid7
from loyalty.ledger.account import Account, AccountFull
from loyalty.ledger.due import settle_due
from loyalty.ledger.post import lock_accounts, post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.ledger.validity import Validity, expires_at
from loyalty.members.bring_in import Outcome
from loyalty.members.queries import NotActive, NotEnrolled
from loyalty.members.standing import standings
from loyalty.programs.queries import Program
from loyalty.tiers.climb import climb
from loyalty.tiers.queries import ladder_of


class OpeningMismatch(Conflict):
    """409: other points were opened under this reference."""

    code = "opening_mismatch"
    title = "This reference opened other points before"
    cure = "What was opened stays. Correct it by an adjustment, or use a reference of its own."


@dataclass(frozen=True, slots=True)
class Opening:
    """`points` > 0 of a member, of which `tier_points` count for the tier; `reference` is unique
    in the program for ever.

    `activates_at`: they wait until then. `expires_at` None: as the program has points expire that
    are given now; with `never_expires`, never. `earned_at` None: now.
    """

    reference: str
    member_id: str
    points: int
    tier_points: int = 0
    earned_at: datetime | None = None
    activates_at: datetime | None = None
    expires_at: datetime | None = None
    never_expires: bool = False

    @property
    def hash(self) -> bytes:
        """The same for the same points of the same member."""
        return input_hash(asdict(self))


@dataclass(frozen=True, slots=True)
class _Opened:
    """What is written of one: its id, its account, and when it was earned."""

    id: UUID
    order: Opening
    account_id: int
    occurred_at: datetime


def open_balances(
    session: Session, program: Program, openings: Sequence[Opening], by: By
) -> list[Outcome]:
    """What became of each, in their order. A repeat changes nothing.

    Raises Unavailable when somebody else is at the same members just now: nothing is done then.
    """
    known = _known(session, program, openings)
    whose = _memberships(session, program, openings)
    outcomes: dict[int, Outcome] = {}
    coming: dict[int, Opening] = {}
    for index, one in enumerate(openings):
        outcome = _settled_by(one, known) or _wrong(one, whose.get(one.member_id), by.at)
        if outcome is not None:
            outcomes[index] = outcome
            continue
        known[one.reference] = one.hash
        coming[index] = one
    accounts = _lock(session, program, list(coming.values()), whose)
    settle_due(session, accounts.values(), by.at)
    opened = []
    for index, one in coming.items():
        account = accounts[whose[one.member_id].account_id]
        made = _Opened(uuid7(), one, account.id, one.earned_at or by.at)
        try:
            _issue(account, made, program, by.at)
        except AccountFull as problem:
            outcomes[index] = problem
            continue
        opened.append(made)
        outcomes[index] = "added"
    _climb(session, program, opened, accounts, whose, by.at)
    _write(session, program, opened, by)
    post(session, accounts.values(), by.at)
    return [outcomes[index] for index in range(len(openings))]


def _settled_by(one: Opening, known: Mapping[str, bytes]) -> Outcome | None:
    earlier = known.get(one.reference)
    if earlier is None:
        return None
    if earlier == one.hash:
        return "unchanged"
    return OpeningMismatch(f"{one.reference} opened other points before.")


def _wrong(one: Opening, membership: Row[Any] | None, at: datetime) -> Problem | None:
    if membership is None:
        return NotEnrolled(one.member_id)
    if membership.status == "cancelled":
        return NotActive(membership.status, one.member_id)
    if one.earned_at is not None and one.earned_at > at:
        return Invalid.field("/earned_at", "in_the_future", "Nothing is earned in the future.")
    if one.tier_points > one.points:
        return Invalid.field("/tier_points", "too_large", f"No more than {one.points} can count.")
    if one.expires_at is not None and one.expires_at <= max(one.activates_at or at, at):
        return Invalid.field("/expires_at", "in_the_past", "They could never be spent.")
    return None


_KNOWN = text(
    "SELECT named.reference, o.input_hash FROM unnest(CAST(:references AS text[])) named(reference)"
    " CROSS JOIN LATERAL (SELECT x.input_hash FROM opening_balance x WHERE x.tenant_id = :tenant"
    "   AND x.program_id = :program AND x.reference = named.reference LIMIT 1) o"
)


def _known(session: Session, program: Program, openings: Sequence[Opening]) -> dict[str, bytes]:
    values = {
        "tenant": session.info["tenant_id"],
        "program": program.id,
        "references": sorted({one.reference for one in openings}),
    }
    return {row.reference: bytes(row.input_hash) for row in session.execute(_KNOWN, values)}


# OFFSET 0 keeps coalesce() out of the look-up: behind row-level security it would use no index.
_MEMBERSHIPS = text(
    "SELECT named.member_id AS name, ms.id, ms.account_id, ms.status"
    " FROM unnest(CAST(:names AS text[])) named(member_id)"
    " CROSS JOIN LATERAL (SELECT coalesce(x.merged_into, x.id) AS id FROM member x"
    "   WHERE x.tenant_id = :tenant AND x.member_id = named.member_id LIMIT 1) m"
    " CROSS JOIN LATERAL (SELECT x.id, x.account_id, x.status FROM membership x"
    "   WHERE x.tenant_id = :tenant AND x.program_id = :program AND x.member_id = m.id LIMIT 1) ms"
)


def _memberships(
    session: Session, program: Program, openings: Sequence[Opening]
) -> dict[str, Row[Any]]:
    values = {
        "tenant": session.info["tenant_id"],
        "program": program.id,
        "names": sorted({one.member_id for one in openings}),
    }
    return {row.name: row for row in session.execute(_MEMBERSHIPS, values)}


def _lock(
    session: Session, program: Program, openings: Sequence[Opening], whose: Mapping[str, Row[Any]]
) -> dict[int, Account]:
    accounts = lock_accounts(session, {whose[one.member_id].account_id for one in openings})
    now = _memberships(session, program, openings)
    if any(now[one.member_id] != whose[one.member_id] for one in openings):
        raise Unavailable("A membership has changed just now.")
    return accounts


def _issue(account: Account, made: _Opened, program: Program, at: datetime) -> None:
    life = _life(made.order, program, at)
    account.issue(
        Kind.OPENING,
        Bucket.ISSUED,
        made.order.points,
        cause_id=made.id,
        occurred_at=made.occurred_at,
        activates_at=life.activates_at,
        expires_at=life.expires_at,
        idle_days=life.idle_days,
        tier_points=made.order.tier_points,
    )


def _life(one: Opening, program: Program, at: datetime) -> Validity:
    waits = one.activates_at if one.activates_at is not None and one.activates_at > at else None
    if one.never_expires or one.expires_at is not None:
        return Validity(waits, one.expires_at)
    expiry = program.settings.expiry
    ends = expires_at(expiry, waits or at, program.time_zone)
    return Validity(waits, ends, expiry.n if expiry.kind == "inactivity" else None)


# Sorted, so that two that open the same cannot deadlock; both hold the locks of their accounts.
_WRITE = text(
    "INSERT INTO opening_balance (tenant_id, program_id, id, reference, account_id, points,"
    " tier_points, input_hash, actor, request_id, occurred_at, recorded_at)"
    " SELECT :tenant, :program, r.id, r.reference, r.account_id, r.points, r.tier_points,"
    " decode(r.input_hash, 'hex'), :actor, :request_id, r.occurred_at, :at"
    " FROM json_to_recordset(CAST(:rows AS json)) AS r(id uuid, reference text, account_id bigint,"
    " points bigint, tier_points bigint, input_hash text, occurred_at timestamptz)"
    " ORDER BY r.reference ON CONFLICT (tenant_id, program_id, reference) DO NOTHING"
)


def _write(session: Session, program: Program, opened: Sequence[_Opened], by: By) -> None:
    if not opened:
        return
    rows = [
        {
            "id": one.id,
            "reference": one.order.reference,
            "account_id": one.account_id,
            "points": one.order.points,
            "tier_points": one.order.tier_points,
            "input_hash": one.order.hash.hex(),
            "occurred_at": one.occurred_at,
        }
        for one in opened
    ]
    written = session.execute(
        _WRITE,
        {
            "tenant": session.info["tenant_id"],
            "program": program.id,
            "actor": by.actor,
            "request_id": by.request_id,
            "at": by.at,
            "rows": orjson.dumps(rows).decode(),
        },
    )
    if getattr(written, "rowcount", 0) != len(opened):
        raise Unavailable("Somebody else has opened some of these just now.")


def _climb(
    session: Session,
    program: Program,
    opened: Sequence[_Opened],
    accounts: Mapping[int, Account],
    whose: Mapping[str, Row[Any]],
    at: datetime,
) -> None:
    """What counts for the tier raises at once. It was reached elsewhere, so no campaign pays."""
    counting = [one for one in opened if one.order.tier_points]
    if not counting:
        return
    members = standings(session, [whose[one.order.member_id].id for one in counting])
    earliest = min(one.occurred_at for one in counting)
    ladder = ladder_of(program)
    climbing = climb(session, {program.id: ladder}, members.values(), accounts, earliest, at)
    for one in counting:
        member = members[whose[one.order.member_id].id]
        climbing.gain(member, one.occurred_at, points=one.order.tier_points, why="brought")
    climbing.write(session)
