"""Bonus: points that the house itself gives, on the way of every purchase.

A bonus is an activity that no source of the outside can post: its source begins with a colon. It
is queued in the transaction that decided it and awarded under the account's lock like any other,
so that whoever decides it needs no lock of its own, and a bonus of somebody else no second one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.earning.accept import Earn, accept, to_row
from loyalty.outbox import handover

KIND = "bonus"


@dataclass(frozen=True, slots=True)
class Bonus:
    """`points` ≥ 0 for a member, once per (program, source, key).

    `source` begins with a colon and names the room that pays; `why` holds a `name` that people
    can read, and ids.
    """

    program_id: int
    member_id: str
    points: int
    source: str
    key: str
    why: Mapping[str, Any]
    occurred_at: datetime


def pay_bonuses(session: Session, bonuses: Sequence[Bonus], at: datetime) -> list[UUID]:
    """Queues bonuses and returns their activities, in order; one that was paid stays as it is.

    None costs nothing.
    """
    if not bonuses:
        return []
    stored = accept(session, [to_row(one.program_id, _earn(one), None, at) for one in bonuses])
    handover.note(session, [one.id for one in stored if one.fresh])
    return [one.id for one in stored]


def pay_bonus(
    session: Session,
    program_id: int,
    member_id: str,
    points: int,
    *,
    key: str,
    why: Mapping[str, Any],
    occurred_at: datetime,
    at: datetime,
    source: str = ":bonus",
) -> UUID:
    """Queues one bonus; the same key again changes nothing. Returns its activity."""
    bonus = Bonus(program_id, member_id, points, source, key, why, occurred_at)
    [activity] = pay_bonuses(session, [bonus], at)
    return activity


def _earn(bonus: Bonus) -> Earn:
    return Earn(
        source=bonus.source,
        transaction_id=bonus.key,
        kind=KIND,
        occurred_at=bonus.occurred_at,
        member_id=bonus.member_id,
        body={"points": bonus.points, "why": dict(bonus.why)},
    )
