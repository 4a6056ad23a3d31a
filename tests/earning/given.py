"""Purchases as intake stores them, and what became of them, for tests that call the verbs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.accept import Accepted, Earn, accept, to_row
from loyalty.earning.queries import statuses
from loyalty.programs.queries import Program
from tests.opened import AT


def bought(
    amount: str = "10",
    member_id: str | None = "ann",
    *,
    key: str | None = None,
    source: str = "till-1",
    occurred_at: datetime = AT,
    currency: str = "USD",
    identifier: tuple[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    retailer: str | None = None,
) -> Earn:
    """A purchase; with a transaction id of its own unless `key` is one."""
    return Earn(
        source=source,
        transaction_id=key or uuid4().hex,
        kind="purchase",
        occurred_at=occurred_at,
        member_id=None if identifier else member_id,
        identifier=identifier,
        amount=Decimal(amount),
        currency=currency,
        body=body,
        retailer=retailer,
    )


def told(session: Session, program: Program, *earns: Earn, at: datetime = AT) -> list[Accepted]:
    """What intake answers to these purchases."""
    return accept(session, [to_row(program.id, earn, None, at) for earn in earns])


def stored(session: Session, program: Program, *earns: Earn, at: datetime = AT) -> list[UUID]:
    """The ids of these purchases, accepted and open."""
    return [one.id for one in told(session, program, *earns, at=at)]


def status(session: Session, activity_id: UUID) -> str:
    """What became of one purchase."""
    return statuses(session, [activity_id])[activity_id]


def setback(session: Session, activity_id: UUID) -> tuple[str, str]:
    """Status and reason of a purchase that was not awarded."""
    row = session.execute(
        text("SELECT status, reason FROM setback WHERE activity_id = :id"), {"id": activity_id}
    ).one()
    return row.status, row.reason


def awarded(session: Session, activity_id: UUID) -> int:
    """The points that a purchase was awarded."""
    points: int = session.execute(
        text("SELECT points FROM award WHERE activity_id = :id"), {"id": activity_id}
    ).scalar_one()
    return points


def open_ids(session: Session) -> list[UUID]:
    """The purchases of the session's tenant that are not judged, oldest first."""
    return list(
        session.execute(text("SELECT activity_id FROM unsettled ORDER BY activity_id")).scalars()
    )


def count(session: Session, table: str) -> int:
    """How many rows of `table` the session sees."""
    return session.scalar(text(f"SELECT count(*) FROM {table}")) or 0


def published(
    session: Session,
    program: Program,
    key: str,
    rule: dict[str, Any],
    *,
    number: int = 1,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    status: str = "published",
) -> int:
    """A version of a promotion, as it is stored; returns the promotion's id."""
    promotion: int = session.execute(
        text(
            "INSERT INTO promotion (tenant_id, program_id, key, name, standing, created_at)"
            " VALUES (:tenant, :program, :key, :key, false, :at)"
            " ON CONFLICT (tenant_id, program_id, key) DO UPDATE SET name = excluded.name"
            " RETURNING id"
        ),
        {"tenant": session.info["tenant_id"], "program": program.id, "key": key, "at": AT},
    ).scalar_one()
    session.execute(
        text(
            "INSERT INTO promotion_version"
            " (tenant_id, promotion_id, version, status, starts_at, ends_at, rule, published_at)"
            " VALUES (:tenant, :promotion, :number, :status,"
            " coalesce(CAST(:starts_at AS timestamptz), '-infinity'),"
            " coalesce(CAST(:ends_at AS timestamptz), 'infinity'), CAST(:rule AS jsonb), :at)"
        ),
        {
            "tenant": session.info["tenant_id"],
            "promotion": promotion,
            "number": number,
            "status": status,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "rule": orjson.dumps(rule).decode(),
            "at": AT,
        },
    )
    return promotion
