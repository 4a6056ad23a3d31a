"""Reads of the promotions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.promotions.rules import Rate, Rounding, Rule, Step, Version

_VERSIONS = text(
    "SELECT p.program_id, p.standing, v.promotion_id, v.version, v.rule,"
    " nullif(v.starts_at, '-infinity') AS starts_at, nullif(v.ends_at, 'infinity') AS ends_at"
    " FROM promotion p JOIN promotion_version v"
    "   ON v.tenant_id = p.tenant_id AND v.promotion_id = p.id"
    " WHERE p.tenant_id = :tenant_id AND p.program_id = ANY(:program_ids)"
    "   AND v.status IN ('published', 'ended')"
)


def version_of(row: Any) -> Version:
    """The rule that a row of `promotion_version` holds."""
    rule = row.rule
    return Version(
        promotion_id=row.promotion_id,
        number=row.version,
        rule=Rule(
            rates={
                currency: Rate(int(rate["points"]), Decimal(rate["per"]))
                for currency, rate in rule["rates"].items()
            },
            step=Step(rule["step"]),
            rounding=Rounding(rule["rounding"]),
            excludes=frozenset(rule["excludes"]),
            before_joining=bool(rule["before_joining"]),
        ),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def published_versions(session: Session, program_ids: Iterable[int]) -> dict[int, list[Version]]:
    """Every version, by program, that was ever in force: a late purchase is judged by its day."""
    found: dict[int, list[Version]] = defaultdict(list)
    rows = session.execute(
        _VERSIONS,
        {"tenant_id": session.info["tenant_id"], "program_ids": sorted(set(program_ids))},
    )
    for row in rows:
        found[row.program_id].append(version_of(row))
    return found
