"""One member in every program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import NotFound
from loyalty.ledger.rules import Balance
from loyalty.members.identify import Identifier


@dataclass(frozen=True, slots=True)
class Joined:
    """One program of a member."""

    program: str
    status: str
    tier: str
    points: Balance
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """A member, what they are known by, and every program they have joined.

    `merged` are the ids of those who were merged into them: names that mean them now.
    """

    member_id: str
    name: str | None
    birthday: date | None
    time_zone: str | None
    attributes: dict[str, Any]
    identifiers: Sequence[Identifier]
    programs: Sequence[Joined]
    merged: Sequence[str]
    version: int
    created_at: datetime


_PROFILE = text(
    """
    SELECT m.member_id, m.name, m.birthday, m.time_zone, m.attributes, m.version, m.created_at,
           (SELECT json_agg(json_build_array(i.kind, i.value) ORDER BY i.kind, i.value)
            FROM identifier i
            WHERE i.tenant_id = m.tenant_id AND i.member_id = m.id) AS identifiers,
           (SELECT json_agg(json_build_array(p.slug, ms.status, ms.tier_key, a.pending,
                                             a.available, a.held, a.owed, ms.joined_at)
                            ORDER BY p.slug)
            FROM membership ms
            JOIN program p ON p.tenant_id = ms.tenant_id AND p.id = ms.program_id
            JOIN account a ON a.tenant_id = ms.tenant_id AND a.id = ms.account_id
            WHERE ms.tenant_id = m.tenant_id AND ms.member_id = m.id) AS programs,
           (SELECT json_agg(a.member_id ORDER BY a.id) FROM member a
            WHERE a.tenant_id = m.tenant_id AND a.merged_into = m.id) AS merged
    FROM (SELECT coalesce(merged_into, id) AS id FROM member
          WHERE tenant_id = :tenant AND member_id = :member_id OFFSET 0) who
    JOIN member m ON m.tenant_id = :tenant AND m.id = who.id
    """
)
_BY_IDENTIFIER = text(
    "SELECT m.member_id FROM identifier i"
    " JOIN member m ON m.tenant_id = i.tenant_id AND m.id = i.member_id"
    " WHERE i.tenant_id = :tenant AND i.kind = :kind AND i.value = :value"
)


def profile(session: Session, member_id: str) -> Profile:
    """The member in every program. Raises NotFound."""
    row = session.execute(
        _PROFILE, {"tenant": session.info["tenant_id"], "member_id": member_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no member {member_id}.")
    return Profile(
        row.member_id,
        row.name,
        row.birthday,
        row.time_zone,
        row.attributes,
        [Identifier(*one) for one in row.identifiers or ()],
        [
            Joined(slug, status, tier, Balance(*figures), datetime.fromisoformat(joined_at))
            for slug, status, tier, *figures, joined_at in row.programs or ()
        ],
        row.merged or (),
        row.version,
        row.created_at,
    )


def lookup(session: Session, identifier: Identifier) -> Profile:
    """The member who is known by this identifier. Raises NotFound."""
    member_id: str | None = session.execute(
        _BY_IDENTIFIER,
        {
            "tenant": session.info["tenant_id"],
            "kind": identifier.kind,
            "value": identifier.value,
        },
    ).scalar_one_or_none()
    if member_id is None:
        raise NotFound(f"No member is known by the {identifier.kind} {identifier.value}.")
    return profile(session, member_id)
