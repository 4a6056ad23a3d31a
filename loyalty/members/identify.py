"""What a member is known by besides their id: a card, a phone number, an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from loyalty.errors import Conflict
from loyalty.members.models import IdentifierRow

MOST_IDENTIFIERS = 20


class IdentifierTaken(Conflict):
    """409: another member is known by this identifier."""

    code = "identifier_taken"
    title = "Another member has this identifier"
    cure = "Take the identifier away from the other member, or merge the two."


@dataclass(frozen=True, slots=True)
class Identifier:
    """A kind (`card`, `phone`, `email`, …) and a value; unique within the tenant."""

    kind: str
    value: str


# Sorted, so that two requests that name the same identifiers cannot deadlock. The re-read is a
# statement of its own: it sees what a request that was waited for has committed.
_ADD = text(
    "INSERT INTO identifier (tenant_id, kind, value, member_id)"
    " SELECT :tenant, r.kind, r.value, :member"
    " FROM json_to_recordset(CAST(:identifiers AS json)) AS r(kind text, value text)"
    " ORDER BY r.kind, r.value ON CONFLICT DO NOTHING"
)
_TAKEN = text(
    "SELECT i.kind, i.value FROM identifier i"
    " JOIN json_to_recordset(CAST(:identifiers AS json)) AS r(kind text, value text)"
    "   ON r.kind = i.kind AND r.value = i.value"
    " WHERE i.tenant_id = :tenant AND i.member_id <> :member LIMIT 1"
)


def add_identifiers(session: Session, member_row: int, identifiers: Sequence[Identifier]) -> None:
    """The member is known by these too. Raises IdentifierTaken."""
    if not identifiers:
        return
    values = {
        "tenant": session.info["tenant_id"],
        "member": member_row,
        "identifiers": orjson.dumps(identifiers).decode(),
    }
    session.execute(_ADD, values)
    taken = session.execute(_TAKEN, values).one_or_none()
    if taken:
        raise IdentifierTaken(f"Another member has the {taken.kind} {taken.value}.")


def replace_identifiers(
    session: Session, member_row: int, identifiers: Sequence[Identifier]
) -> bool:
    """The member, locked, is known by exactly these; False when they were so already.

    Raises IdentifierTaken.
    """
    own = (
        IdentifierRow.tenant_id == session.info["tenant_id"],
        IdentifierRow.member_id == member_row,
    )
    known = session.execute(select(IdentifierRow.kind, IdentifierRow.value).where(*own))
    if {Identifier(kind, value) for kind, value in known} == set(identifiers):
        return False
    session.execute(delete(IdentifierRow).where(*own))
    add_identifiers(session, member_row, identifiers)
    return True
