"""What time does to tiers: at a period's end they are kept or fall, and before it they warn.

`membership.tier_review_at` says when to look. A batch is one transaction that puts it further
ahead, so that each end is judged once and each warning sent once, whatever is killed; what
another one has in hand is passed over, so that any number may be at work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.tiers.change import Change, change_tiers
from loyalty.tiers.count_again import count_again
from loyalty.tiers.queries import days_of, held_by, ladders, needed_since, total
from loyalty.tiers.rules import INSTANT, Held, Ladder, Progress, keep, reviewed

# A paused program's awards wait, and with them what might keep a tier.
_PROGRAMS = text(
    """
    SELECT p.tenant_id, p.id FROM program p JOIN tenant t ON t.id = p.tenant_id
    WHERE p.paused_at IS NULL AND EXISTS (
      SELECT FROM membership ms WHERE ms.tenant_id = p.tenant_id AND ms.program_id = p.id
        AND ms.tier_review_at <= :at + t.clock_offset)
    ORDER BY p.tenant_id, p.id
    """
)
_CLAIM = text(
    "SELECT * FROM claim_tier_reviews(:tenant, :program, CAST(:at AS timestamptz), :most)"
)


def programs_with_due(session: Session, at: datetime) -> list[tuple[int, int]]:
    """(tenant, program) where a tier is to be looked at, by the tenant's own clock; `at` is the
    world's. The session is of the system role."""
    return [(row.tenant_id, row.id) for row in session.execute(_PROGRAMS, {"at": at})]


def review_tiers(session: Session, program_id: int, at: datetime, *, most: int) -> int:
    """Looks at the `most` memberships that have been due the longest; returns how many it saw."""
    due = session.execute(
        _CLAIM,
        {"tenant": session.info["tenant_id"], "program": program_id, "at": at, "most": most},
    ).all()
    if due:
        ladder = ladders(session, [program_id])[program_id]
        progress = _progress(session, ladder, due)
        changes = [_look(program_id, ladder, row, progress[row.account_id], at) for row in due]
        change_tiers(session, changes, at)
    return len(due)


def _progress(session: Session, ladder: Ladder, due: Sequence[Row[Any]]) -> dict[int, Progress]:
    if not ladder.policy.by_day:
        return {row.account_id: total(ladder, row.tier_points, row.joined_at) for row in due}
    count_again(session, [row.account_id for row in due if row.tier_epoch != ladder.epoch])
    first_end = min(row.tier_review_at for row in due) - INSTANT
    since = needed_since(ladder, first_end)  # a period is judged by the day before its end
    days = days_of(session, [(row.account_id, ladder) for row in due], since)
    return {
        row.account_id: Progress(days[row.account_id], ladder.day(row.joined_at)) for row in due
    }


def _look(
    program_id: int, ladder: Ladder, row: Row[Any], progress: Progress, at: datetime
) -> Change:
    held = held_by(row)
    after, missing = held, None
    if row.status in {"cancelled", "merged"}:
        after = held._replace(until=None, review_at=None)
    elif held.until is not None and held.until > at:
        after = held._replace(review_at=held.until)
        told = keep(ladder, held, progress)
        missing = told.missing if told and told.missing else None
    else:
        after = _after(ladder, held, progress, at)
    return Change(row.id, program_id, ladder, held, after, "period_ended", missing)


def _after(ladder: Ladder, held: Held, progress: Progress, at: datetime) -> Held:
    """After the periods that have ended; one without an end needs no review."""
    after = reviewed(ladder, held, progress, at)
    return after if after.until else after._replace(review_at=None)
