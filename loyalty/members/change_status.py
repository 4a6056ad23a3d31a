"""A membership is suspended, reinstated, or ends. Its account is locked by the caller."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.members.models import MembershipRow


def change_status(
    session: Session,
    membership_id: int,
    status: Literal["active", "suspended", "cancelled"],
    at: datetime,
) -> None:
    """Writes the new status; cancelled also says since when."""
    session.execute(
        update(MembershipRow)
        .where(
            MembershipRow.tenant_id == session.info["tenant_id"],
            MembershipRow.id == membership_id,
        )
        .values(status=status, left_at=at if status == "cancelled" else None)
    )
