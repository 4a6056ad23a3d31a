"""Whatever is done to a promotion gives it a new revision, and is written down."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.programs.queries import Program
from loyalty.promotions.desk import Promotion, promotion_by_key
from loyalty.promotions.models import PromotionRow


def revise(
    session: Session,
    program: Program,
    before: Promotion,
    act: str,
    by: By,
    *,
    name: str | None = None,
    reason: str | None = None,
) -> Promotion:
    """The promotion as it is now, after `act`; `before` was read with `lock`."""
    session.execute(
        update(PromotionRow)
        .where(PromotionRow.tenant_id == session.info["tenant_id"], PromotionRow.id == before.id)
        .values(revision=before.revision + 1, name=name or before.name)
    )
    after = promotion_by_key(session, program.id, before.key)
    write_down(session, program, act, before, after, by, reason=reason)
    return after


def write_down(
    session: Session,
    program: Program,
    act: str,
    before: Promotion | None,
    after: Promotion,
    by: By,
    *,
    reason: str | None = None,
) -> None:
    """Leaves an audit record of what was done."""
    record(
        session,
        by,
        act=act,
        subject=f"promotion {program.slug}/{after.key}",
        before=_told(before) if before else None,
        after=_told(after),
        reason=reason,
    )


def _told(promotion: Promotion) -> dict[str, Any]:
    newest = promotion.versions[-1]
    return {
        "name": promotion.name,
        "version": newest.number,
        "draft": newest.draft,
        "rule": newest.rule,
        "starts_at": newest.starts_at and newest.starts_at.isoformat(),
        "ends_at": newest.ends_at and newest.ends_at.isoformat(),
    }
