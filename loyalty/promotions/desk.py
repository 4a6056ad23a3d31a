"""Reads for those who make promotions: each with its versions, drafts too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.promotions.takeover import Span


@dataclass(frozen=True, slots=True)
class DeskVersion:
    """A version as it is stored; None in `starts_at` and `ends_at` is open.

    A draft without a start starts when it is published.
    """

    number: int
    draft: bool
    starts_at: datetime | None
    ends_at: datetime | None
    rule: dict[str, Any]
    fixtures: list[dict[str, Any]]
    published_at: datetime | None

    def status(self, at: datetime) -> str:
        """`draft`, `published` (in force, or going to be), or `ended`."""
        if self.draft:
            return "draft"
        return "ended" if self.ends_at is not None and self.ends_at <= at else "published"


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion with all its versions, the oldest first."""

    id: int
    program_id: int
    key: str
    name: str
    standing: bool
    revision: int
    created_at: datetime
    versions: tuple[DeskVersion, ...]

    @property
    def draft(self) -> DeskVersion | None:
        """The version that is not published yet: there is at most one."""
        return next((one for one in self.versions if one.draft), None)

    @property
    def published(self) -> list[DeskVersion]:
        """The versions that were published."""
        return [version for version in self.versions if not version.draft]

    @property
    def spans(self) -> list[Span]:
        """When those are in force."""
        return [Span(one.number, one.starts_at, one.ends_at) for one in self.published]

    def current(self, at: datetime) -> DeskVersion | None:
        """The published version in force at `at`; else the next to be; else the last that was."""
        past: DeskVersion | None = None
        coming: DeskVersion | None = None
        for one in self.versions:
            if one.draft:
                continue
            if one.starts_at is not None and one.starts_at > at:
                if one.status(at) == "published" and _sooner(one, coming):
                    coming = one
            elif one.status(at) == "published":
                return one
            else:
                past = one
        return coming or past

    def status(self, at: datetime) -> str:
        """`draft` until a version is published, `ended` when none is in force or to come."""
        told = {one.status(at) for one in self.versions}
        return "published" if "published" in told else "ended" if "ended" in told else "draft"


def _sooner(one: DeskVersion, other: DeskVersion | None) -> bool:
    if other is None or other.starts_at is None or one.starts_at is None:
        return True
    return one.starts_at < other.starts_at


_PROMOTION = (
    "SELECT id, program_id, key, name, standing, revision, created_at FROM promotion"
    " WHERE tenant_id = :tenant AND program_id = :program"
)
_ONE = text(f"{_PROMOTION} AND key = :key")
_LOCKED = text(f"{_PROMOTION} AND key = :key FOR UPDATE")
_PAGE = text(f"{_PROMOTION} AND id < :before ORDER BY id DESC LIMIT :limit")
_ALL = text(f"{_PROMOTION} ORDER BY id")
_VERSIONS = text(
    "SELECT promotion_id, version, status = 'draft' AS draft, rule, fixtures, published_at,"
    " nullif(starts_at, '-infinity') AS starts_at, nullif(ends_at, 'infinity') AS ends_at"
    " FROM promotion_version WHERE tenant_id = :tenant AND promotion_id = ANY(:promotions)"
    " ORDER BY promotion_id, version"
)
_NO_ID_IS_LARGER = 2**31 - 1


def promotion_by_key(
    session: Session, program_id: int, key: str, *, lock: bool = False
) -> Promotion:
    """The promotion; with `lock` nobody else changes it or its versions. Raises NotFound."""
    row = session.execute(
        _LOCKED if lock else _ONE,
        {"tenant": session.info["tenant_id"], "program": program_id, "key": key},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no promotion {key!r}.")
    [promotion] = _with_versions(session, [row])
    return promotion


def promotions(
    session: Session, program_id: int, *, before: int | None, limit: int
) -> list[Promotion]:
    """A program's promotions, newest first, from before the id `before`."""
    rows = session.execute(
        _PAGE,
        {
            "tenant": session.info["tenant_id"],
            "program": program_id,
            "before": _NO_ID_IS_LARGER if before is None else before,
            "limit": limit,
        },
    ).all()
    return _with_versions(session, rows)


def every_promotion(session: Session, program_id: int) -> list[Promotion]:
    """All promotions of a program, the oldest first."""
    rows = session.execute(_ALL, {"tenant": session.info["tenant_id"], "program": program_id}).all()
    return _with_versions(session, rows)


def _with_versions(session: Session, rows: Sequence[Row[Any]]) -> list[Promotion]:
    versions = _versions(session, [row.id for row in rows]) if rows else {}
    return [
        Promotion(
            row.id,
            row.program_id,
            row.key,
            row.name,
            row.standing,
            row.revision,
            row.created_at,
            tuple(versions.get(row.id, ())),
        )
        for row in rows
    ]


def _versions(session: Session, promotion_ids: Iterable[int]) -> dict[int, list[DeskVersion]]:
    found: dict[int, list[DeskVersion]] = defaultdict(list)
    for row in session.execute(
        _VERSIONS,
        {"tenant": session.info["tenant_id"], "promotions": sorted(promotion_ids)},
    ):
        found[row.promotion_id].append(
            DeskVersion(
                row.version,
                row.draft,
                row.starts_at,
                row.ends_at,
                row.rule,
                row.fixtures,
                row.published_at,
            )
        )
    return found
