"""What failed is tried again, when its cause was mended: some hundreds of them in a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.earning import queries as earns
from loyalty.earning.give_back import queries as returns
from loyalty.earning.give_back.sweep import retry_return
from loyalty.earning.parking import reopen
from loyalty.programs.queries import Program

What = Literal["earn", "return"]

MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """A purchase or a return that failed, and with what."""

    what: What
    id: UUID
    detail: str


def failures(
    session: Session, program: Program, what: What, *, source: str | None, before: UUID | None
) -> list[Failure]:
    """The next failed ones (≤ 200), newest first, from before an id."""
    query = earns.find if what == "earn" else returns.find
    found = query(
        session, program.id, status="failed", source=source, before=before, limit=MOST_AT_ONCE
    )
    return [Failure(what, one.id, one.detail or one.reason or "") for one in found]


def retry_failed(session: Session, program: Program, failed: Sequence[Failure], by: By) -> int:
    """Hands them to the workers again; returns how many. What is no longer failed is let be."""
    purchases = [one.id for one in failed if one.what == "earn"]
    others = sorted(one.id for one in failed if one.what == "return")
    again: dict[What, int] = {
        "earn": reopen(session, purchases, by.at) if purchases else 0,
        "return": sum(retry_return(session, one, by.at) for one in others),
    }
    for what, count in again.items():
        if count:
            record(
                session,
                by,
                act=f"{what}.retry",
                subject=f"program {program.slug}",
                before={"status": "failed", "ids": [str(o.id) for o in failed if o.what == what]},
            )
    return sum(again.values())
