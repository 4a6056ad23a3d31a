"""Reads of redemptions."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.redemption.models import RedemptionRow

_Page = Sequence[RedemptionRow]


def redemptions_of(session: Session, account_id: int, before: UUID | None, limit: int) -> _Page:
    """The account's redemptions, newest first, from before the id `before`."""
    query = (
        select(RedemptionRow)
        .where(
            RedemptionRow.tenant_id == session.info["tenant_id"],
            RedemptionRow.account_id == account_id,
        )
        .order_by(RedemptionRow.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(RedemptionRow.id < before)
    return session.scalars(query).all()
