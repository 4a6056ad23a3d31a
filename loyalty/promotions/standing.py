"""The standing promotion: a program's earn rate, as a versioned promotion like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.promotions.models import PromotionRow, PromotionVersionRow


def standing_rule(
    rates: Mapping[str, Mapping[str, Any]],
    *,
    step: str = "proportional",
    rounding: str = "down",
    excludes: Sequence[str] = (),
    before_joining: bool = True,
) -> dict[str, Any]:
    """The stored form of a standing promotion.

    `rates`: currency → {points: int, per: decimal string}; `excludes`: "tax", "shipping".
    """
    return {
        "rates": {currency: dict(rate) for currency, rate in rates.items()},
        "step": step,
        "rounding": rounding,
        "excludes": sorted(excludes),
        "before_joining": before_joining,
    }


def publish_standing(
    session: Session, program_id: int, rule: Mapping[str, Any], at: datetime
) -> int:
    """Publishes the next version of a program's standing promotion; returns its number.

    The first has no start (it judges whatever is posted within the late window); each further
    one is in force from `at`, where the one before ends. The same rule again changes nothing.
    """
    tenant_id = session.info["tenant_id"]
    promotion_id = _lock_standing(session, program_id, at)
    last = session.execute(
        select(PromotionVersionRow.version, PromotionVersionRow.rule)
        .where(
            PromotionVersionRow.tenant_id == tenant_id,
            PromotionVersionRow.promotion_id == promotion_id,
        )
        .order_by(PromotionVersionRow.version.desc())
        .limit(1)
    ).one_or_none()
    if last and last.rule == rule:
        return int(last.version)
    number = last.version + 1 if last else 1
    session.execute(
        text(
            "UPDATE promotion_version SET ends_at = :at, status = 'ended' WHERE tenant_id = :tenant"
            " AND promotion_id = :promotion AND version = :last"
        ),
        {"at": at, "tenant": tenant_id, "promotion": promotion_id, "last": number - 1},
    )
    session.execute(
        insert(PromotionVersionRow).values(
            tenant_id=tenant_id,
            promotion_id=promotion_id,
            version=number,
            status="published",
            rule=dict(rule),
            published_at=at,
            **({"starts_at": at} if last else {}),
        )
    )
    return number


def _lock_standing(session: Session, program_id: int, at: datetime) -> int:
    tenant_id = session.info["tenant_id"]
    session.execute(
        insert(PromotionRow)
        .values(
            tenant_id=tenant_id,
            program_id=program_id,
            key="standing",
            name="Earn rate",
            standing=True,
            created_at=at,
        )
        .on_conflict_do_nothing()
    )
    return session.execute(
        select(PromotionRow.id)
        .where(
            PromotionRow.tenant_id == tenant_id,
            PromotionRow.program_id == program_id,
            PromotionRow.standing,
        )
        .with_for_update()
    ).scalar_one()
