"""Goods are shipped, and delivered."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.redemption import rules
from loyalty.redemption.step import begin, finish, refusals


def ship(session: Session, redemption_id: UUID, tracking: str | None, by: By) -> None:
    """Ordered goods are on their way. Raises NotFound, WrongState."""
    one = begin(session, redemption_id, by)
    with refusals():
        one.row.fulfilment = rules.next_step(one.state, "ship")
    one.row.tracking = tracking
    one.note("ship")
    finish(one, "shipped")


def deliver(session: Session, redemption_id: UUID, by: By) -> None:
    """Shipped goods have arrived. Raises NotFound, WrongState."""
    one = begin(session, redemption_id, by)
    with refusals():
        one.row.fulfilment = rules.next_step(one.state, "deliver")
    one.note("deliver")
    finish(one, "delivered")
