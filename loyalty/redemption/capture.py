"""A hold is captured: its points are spent, or a part of them, and the rest is free again."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Invalid
from loyalty.ledger.rules import Bucket, Kind
from loyalty.redemption import rules
from loyalty.redemption.step import begin, finish, refusals
from loyalty.rewards.vouchers import give_held


class NotInParts(Invalid):
    """422: a reward is bought as a whole."""

    code = "not_in_parts"
    title = "A reward is captured as a whole"
    cure = "Leave `points` out."


def capture(session: Session, redemption_id: UUID, points: int | None, by: By) -> None:
    """Spends `points` of a hold (None: all) and releases the rest; a held voucher is given.

    Raises NotFound, WrongState, TooManyPoints, NotInParts, AccountFull.
    """
    one = begin(session, redemption_id, by)
    with refusals():
        taken, rest = rules.captured(one.state, points, by.at)
    if rest and one.reward is not None:
        raise NotInParts("A reward is captured as a whole.")
    one.account.move(
        Kind.CAPTURE,
        Bucket.HELD,
        Bucket.REDEEMED,
        taken,
        cause_id=redemption_id,
        occurred_at=by.at,
    )
    one.note("capture", taken)
    if rest:
        one.give_back(Kind.RELEASE, rest)
    one.row.status, one.row.released = "captured", rest
    if one.reward is not None:
        give_held(session, one.reward, redemption_id, by.at)
        one.row.fulfilment = "ordered" if one.reward.kind == "goods" else None
    finish(one, "captured")
