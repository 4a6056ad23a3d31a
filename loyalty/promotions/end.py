"""A promotion ends: from then on it judges nothing; what it has given stays."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Conflict, Invalid
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program
from loyalty.promotions.desk import Promotion
from loyalty.promotions.draft import by_hand
from loyalty.promotions.publish import end_versions
from loyalty.promotions.revise import revise
from loyalty.promotions.takeover import end_all


class NeverPublished(Conflict):
    """409: there is nothing to end."""

    code = "never_published"
    title = "The promotion was never published"
    cure = "A draft does nothing until it is published."


def end(
    session: Session,
    program: Program,
    promotion: Promotion,
    ends_at: datetime | None,
    by: By,
    *,
    reason: str | None = None,
) -> Promotion:
    """Ends the promotion at `ends_at`, or now; versions that were to begin later never do.

    `promotion` was read with `lock`. Ending again what has ended by then changes nothing. Raises
    NeverPublished, NotByHand, Invalid for an end that has passed.
    """
    by_hand(promotion)
    if ends_at is not None and ends_at < by.at:
        raise Invalid.field(
            "/ends_at", "in_the_past", "What has occurred was judged: end now or later."
        )
    if not promotion.spans:
        raise NeverPublished
    ended = end_all(ends_at or by.at, promotion.spans)
    if not ended:
        return promotion
    end_versions(session, promotion, ended)
    subject, data = f"promotion {program.slug}/{promotion.key}", {"ends_at": ends_at or by.at}
    emit(session, [Event("promotion.ended", subject, data, program.id)], by.at)
    return revise(session, program, promotion, "promotion.end", by, reason=reason)
