"""What was spent is given back, as a whole or in part, to the very lots that paid for it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.ledger.rules import Kind
from loyalty.redemption import rules
from loyalty.redemption.step import begin, finish, refusals


def cancel(
    session: Session, redemption_id: UUID, points: int | None, reason: str | None, by: By
) -> None:
    """Gives back `points` (None: all that are left). As a whole, its voucher is void, and what it
    took of the stock is there again unless it was shipped.

    Raises NotFound, WrongState, TooManyPoints, AccountFull.
    """
    one = begin(session, redemption_id, by)
    with refusals():
        back, status = rules.cancelled(one.state, points)
    if back:
        one.give_back(Kind.CANCEL, back, reason)
    else:  # it was won, and cost nothing
        one.note("cancel", reason=reason)
    if status == "cancelled":
        one.end_reward()
    one.row.status, one.row.cancelled = status, one.row.cancelled + back
    finish(one, status)
