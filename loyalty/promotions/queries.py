"""Reads of the promotions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.promotions.rule import Rule, Version
from loyalty.promotions.rules_form import read_rule

#: What `version_of` takes, of `promotion p` and `promotion_version v`.
VERSION = (
    "p.program_id, p.standing, p.name, v.promotion_id, v.version, CAST(v.rule AS text) AS rule,"
    " nullif(v.starts_at, '-infinity') AS starts_at, nullif(v.ends_at, 'infinity') AS ends_at"
)
_FROM = (
    " FROM promotion p JOIN promotion_version v"
    " ON v.tenant_id = p.tenant_id AND v.promotion_id = p.id WHERE p.tenant_id = :tenant"
)
_PUBLISHED = text("SELECT * FROM published_versions(:tenant, CAST(:programs AS integer[]))")
_NAMED = text(f"SELECT {VERSION} {_FROM} AND v.promotion_id = ANY(:promotions)")
_DRAFTS = text(
    f"SELECT DISTINCT ON (v.promotion_id) p.key, {VERSION} {_FROM}"
    " AND p.program_id = :program AND p.key = ANY(:keys) AND v.status = 'draft'"
    " ORDER BY v.promotion_id, v.version DESC"
)
_MOST_REMEMBERED = 4096


@lru_cache(_MOST_REMEMBERED)
def rule_of(stored: str) -> Rule:
    """The rule of its stored JSON: read once, for rules are many purchases old."""
    return read_rule(orjson.loads(stored))


def version_of(row: Any) -> Version:
    """The version that a row with the columns VERSION holds."""
    return Version(
        promotion_id=row.promotion_id,
        number=row.version,
        rule=rule_of(row.rule),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        standing=row.standing,
    )


def published_versions(session: Session, program_ids: Iterable[int]) -> dict[int, list[Version]]:
    """Every version, by program, that was ever in force: a late purchase is judged by its day."""
    found: dict[int, list[Version]] = defaultdict(list)
    for row in session.execute(
        _PUBLISHED,
        {"tenant": session.info["tenant_id"], "programs": sorted(set(program_ids))},
    ):
        found[row.program_id].append(version_of(row))
    return found


def drafts_of(session: Session, program_id: int, keys: Iterable[str]) -> dict[str, Version]:
    """The drafts of a program's promotions, by the keys of those that have one."""
    rows = session.execute(
        _DRAFTS,
        {
            "tenant": session.info["tenant_id"],
            "program": program_id,
            "keys": sorted(set(keys)),
        },
    )
    return {row.key: version_of(row) for row in rows}


def versions_of(
    session: Session, promotion_ids: Iterable[int]
) -> dict[tuple[int, int], tuple[str, Version]]:
    """Every version of some promotions, drafts too, with the promotion's name: by id and number."""
    rows = session.execute(
        _NAMED, {"tenant": session.info["tenant_id"], "promotions": sorted(set(promotion_ids))}
    )
    return {(row.promotion_id, row.version): (row.name, version_of(row)) for row in rows}
