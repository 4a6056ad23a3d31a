"""What a member has told of themselves, for the rules that ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Person:
    """`time_zone` is an IANA name; None where it was not told."""

    birthday: date | None = None
    time_zone: str | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)


NOBODY = Person()

_PERSONS = text(
    "SELECT ms.id, m.birthday, m.time_zone, m.attributes FROM membership ms"
    " JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id"
    " WHERE ms.tenant_id = :tenant AND ms.id = ANY(:ids)"
)


def persons(session: Session, membership_ids: Iterable[int]) -> dict[int, Person]:
    """The people behind memberships, by the memberships' ids."""
    rows = session.execute(
        _PERSONS, {"tenant": session.info["tenant_id"], "ids": sorted(set(membership_ids))}
    )
    return {row.id: Person(row.birthday, row.time_zone, row.attributes) for row in rows}
