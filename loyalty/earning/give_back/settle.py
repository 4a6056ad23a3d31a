"""Settle: a return takes back what its purchase earned, once, under the account's lock.

The verb of the workers, a return at a time: each is a transaction of its own, so that none can
hold up another. Its row in `unsettled_give_back` is locked first and skipped when somebody else
has it; then the account that earned, so that two returns of one purchase take turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, text, update
from sqlalchemy.orm import Session

from loyalty.earning.give_back.follow import follow, take_tier_points_back, whose
from loyalty.earning.give_back.models import GiveBackVerdictRow, UnsettledGiveBackRow
from loyalty.earning.give_back.purchase import (
    History,
    Judged,
    asked_for,
    bought,
    history,
    judged,
)
from loyalty.earning.give_back.rules import (
    GivenBack,
    Policy,
    Refused,
    TakenFrom,
    give_back,
    plain,
)
from loyalty.earning.give_back.take_back import Cause, lock_who_gives, take_back
from loyalty.ledger.account import Account
from loyalty.ledger.post import post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.outbox.emit import Event, emit


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a return: `status` settled, refused, waiting or accepted (still open)."""

    status: str
    reason: str | None = None


_CLAIM = text(
    "SELECT g.id, g.program_id, g.source, g.transaction_id, g.return_id, g.lines, g.amount,"
    "  g.occurred_at, g.recorded_at, coalesce(p.settings->>'give_back', 'owed') AS policy,"
    "  (p.settings->>'late_window_days')::int AS late_window_days,"
    "  p.time_zone, a.id AS activity_id, a.kind, a.amount AS bought_for, a.currency, a.retailer,"
    "  a.occurred_at AS bought_at, a.body"
    " FROM unsettled_give_back u"
    " JOIN give_back g ON g.tenant_id = u.tenant_id AND g.id = u.give_back_id"
    " JOIN program p ON p.tenant_id = u.tenant_id AND p.id = u.program_id AND p.paused_at IS NULL"
    " LEFT JOIN activity a ON a.tenant_id = g.tenant_id AND a.program_id = g.program_id"
    "   AND a.source = g.source AND a.transaction_id = g.transaction_id"
    " WHERE u.tenant_id = :tenant AND u.give_back_id = :id AND u.status <> 'failed'"
    " FOR UPDATE OF u SKIP LOCKED"
)


def settle_return(session: Session, give_back_id: UUID, at: datetime) -> Outcome | None:
    """Settles an open return, or says why it waits; None when somebody else has it in hand.

    It waits for a purchase that has not come, or is parked or failed, and so may still earn. What
    a rejected purchase earned is nothing, and nothing is taken back.
    """
    row = session.execute(
        _CLAIM, {"tenant": session.info["tenant_id"], "id": give_back_id}
    ).one_or_none()
    if row is None:
        return None
    if row.activity_id is None:
        if at < row.recorded_at + timedelta(days=row.late_window_days):
            return _wait(session, row, "waiting", "Waits for its purchase to come.")
        never = Refused("purchase_never_came", "No purchase may come so late.", {}, Decimal(0))
        return _refuse(session, row, never, None, at)
    purchase = judged(session, row.activity_id)
    if purchase.status == "accepted":
        return _wait(session, row, "accepted", "Waits for its purchase to be awarded.")
    if purchase.status in {"parked", "failed"}:
        return _wait(session, row, "waiting", f"Its purchase is {purchase.status}.")
    account = None
    if purchase.account_id is not None:
        account = lock_who_gives(session, purchase.account_id, at)
        purchase = judged(session, row.activity_id)  # as it stands under the lock
    so_far = history(session, row.activity_id, purchase)
    goods = bought(row.bought_for, (row.body or {}).get("items"))
    verdict = give_back(goods, purchase.earned, so_far.before, asked_for(row.lines, row.amount))
    if isinstance(verdict, Refused):
        return _refuse(session, row, verdict, account, at)
    _settle(session, row, purchase, so_far, verdict, account, at)
    return Outcome("settled")


def _settle(
    session: Session,
    row: Row[Any],
    purchase: Judged,
    so_far: History,
    verdict: GivenBack,
    account: Account | None,
    at: datetime,
) -> None:
    if account is None:  # it was rejected, and earned nothing
        _close(session, row, _verdict(row, purchase, verdict), at)
        return
    points = sum(verdict.points)
    decided_on = account.version
    cause = Cause(Kind.REVERSE, Bucket.REVERSED, row.id, row.occurred_at)
    taken = take_back(session, account, purchase, so_far, points, Policy(row.policy), cause, at)
    moved = {
        "account_id": account.id,
        "account_version": decided_on,
        "entries": account.version - decided_on,
    }
    post(session, [account], at)
    member = whose(session, account.id)
    tier_points = take_tier_points_back(session, account.id, points, purchase, member)
    _close(session, row, {**_verdict(row, purchase, verdict, taken, tier_points), **moved}, at)
    follow(session, row, purchase, verdict, so_far.before, account, member, at)


def _verdict(
    row: Row[Any],
    purchase: Judged,
    verdict: GivenBack,
    taken: TakenFrom = TakenFrom(),  # noqa: B008 - frozen
    tier_points: int = 0,
) -> dict[str, Any]:
    return {
        "status": "settled",
        "points": sum(verdict.points),
        "taken": taken.moved,
        "worth": verdict.worth,
        "whole": verdict.whole,
        "explanation": _explanation(row, purchase, verdict, taken, tier_points),
    }


def _explanation(
    row: Row[Any], purchase: Judged, verdict: GivenBack, taken: TakenFrom, tier_points: int
) -> dict[str, Any]:
    """Numbers and ids; sentences are made when read."""
    return {
        "lines": _quantities(verdict.quantities),
        "given_back": [
            {"promotion": promotion, "version": version, "points": points}
            for (promotion, version), points in zip(
                purchase.promotions, verdict.points, strict=True
            )
        ],
        "from": taken.named(),
        "policy": row.policy,
        "tier_points": tier_points,
    }


def _quantities(quantities: Mapping[str, Decimal]) -> dict[str, str]:
    return {line_id: plain(quantity) for line_id, quantity in quantities.items() if quantity}


def _refuse(
    session: Session, row: Row[Any], refused: Refused, account: Account | None, at: datetime
) -> Outcome:
    _close(
        session,
        row,
        {
            "status": "refused",
            "reason": refused.reason,
            "detail": refused.detail,
            "account_id": account and account.id,
            "explanation": {
                "left": {"lines": _quantities(refused.quantities), "amount": str(refused.worth)}
            },
        },
        at,
    )
    told = {
        "return": str(row.id),
        "source": row.source,
        "return_id": row.return_id,
        "reason": refused.reason,
    }
    emit(session, [Event("return.refused", f"return {row.id}", told, row.program_id)], at)
    return Outcome("refused", refused.reason)


def _close(session: Session, row: Row[Any], verdict: Mapping[str, Any], at: datetime) -> None:
    tenant_id = session.info["tenant_id"]
    session.execute(
        insert(GiveBackVerdictRow).values(
            tenant_id=tenant_id,
            program_id=row.program_id,
            give_back_id=row.id,
            activity_id=row.activity_id,
            settled_at=at,
            **verdict,
        )
    )
    session.execute(
        delete(UnsettledGiveBackRow).where(
            UnsettledGiveBackRow.tenant_id == tenant_id,
            UnsettledGiveBackRow.give_back_id == row.id,
        )
    )


def _wait(session: Session, row: Row[Any], status: str, detail: str) -> Outcome:
    _turn(session, [row.id], status=status, reason=None, detail=detail)
    return Outcome(status)


def fail_return(session: Session, give_back_id: UUID, reason: str, detail: str) -> None:
    """A return that can't be settled for a fault of our own: kept, shown, and can be retried."""
    _turn(session, [give_back_id], status="failed", reason=reason, detail=detail)


def _turn(session: Session, ids: Sequence[UUID], **to: str | None) -> None:
    session.execute(
        update(UnsettledGiveBackRow)
        .where(
            UnsettledGiveBackRow.tenant_id == session.info["tenant_id"],
            UnsettledGiveBackRow.give_back_id.in_(ids),
        )
        .values(**to)
    )
