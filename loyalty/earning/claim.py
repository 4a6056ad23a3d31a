"""Claim: which open purchases this worker judges now. Row locks decide, never Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

MOST_AT_ONCE = 200  # rows judged in one transaction
ALONE_FROM = 3  # re-sends after which a row is judged alone, so that it can't hold up others
MOST_CLAIMS_ALONE = 5

_CLAIM = text(
    "SELECT * FROM claim_activities(:tenant, CAST(:ids AS uuid[]), :top_up, :alone_from)"
    " ORDER BY id"
)


def claim(session: Session, ids: Sequence[UUID], *, top_up: bool) -> Sequence[Row[Any]]:
    """Locks the open purchases among `ids`, and with `top_up` others of the tenant, to make 200.

    What another worker holds is skipped, what belongs to a paused program stays open. Each row
    carries its activity and, where there is one, the membership and account it is meant for.
    """
    return session.execute(
        _CLAIM,
        {
            "tenant": session.info["tenant_id"],
            "ids": [str(one) for one in ids],
            "alone_from": ALONE_FROM,
            "top_up": MOST_AT_ONCE if top_up else 0,
        },
    ).all()


_COUNT_CLAIM = text(
    "UPDATE unsettled SET claims = claims + 1"
    " WHERE tenant_id = :tenant AND activity_id = :id AND tries >= :alone_from RETURNING claims"
)


def count_claim_alone(session: Session, activity_id: UUID) -> int:
    """Counts, in a transaction before the work, that a much re-sent row is judged alone.

    Returns how many such claims were made, or 0 for a row that needs no counting: a row that
    kills its worker ends as failed, one that was merely near a kill does not.
    """
    claims = session.execute(
        _COUNT_CLAIM,
        {
            "tenant": session.info["tenant_id"],
            "id": activity_id,
            "alone_from": ALONE_FROM,
        },
    ).scalar_one_or_none()
    return int(claims or 0)


_GIVE_BACK = text(
    "UPDATE unsettled SET claims = claims - 1"
    " WHERE tenant_id = :tenant AND activity_id = :id AND claims > 0"
)


def give_claim_back(session: Session, activity_id: UUID) -> None:
    """The claim ended for no fault of the row (Postgres was away, a lock held): not counted."""
    session.execute(_GIVE_BACK, {"tenant": session.info["tenant_id"], "id": activity_id})
