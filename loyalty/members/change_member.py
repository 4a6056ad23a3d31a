"""What is known of a member changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Invalid
from loyalty.members.identify import Identifier, replace_identifiers
from loyalty.members.models import MemberRow
from loyalty.members.queries import MemberErased
from loyalty.programs.merge_patch import merged

MOST_ATTRIBUTE_BYTES = 32_768


def change_member(
    session: Session,
    member: MemberRow,
    patch: Mapping[str, Any],
    *,
    by: By,
) -> None:
    """Applies a merge patch of valid values: `name`, `birthday`, `time_zone`, `attributes`, and
    `identifiers` (Identifier), which are replaced as a whole.

    What changes nothing leaves no trace; else the audit log names the fields, not their values,
    for those can be erased. `member` was read with `lock`. Raises IdentifierTaken, MemberErased,
    and Invalid for too many attributes.
    """
    if member.erased_at is not None:
        raise MemberErased(member.member_id)
    wanted = {name: patch[name] for name in ("name", "birthday", "time_zone") if name in patch}
    if "attributes" in patch:
        wanted["attributes"] = bounded(merged(member.attributes, patch["attributes"] or {}))
    values = {name: value for name, value in wanted.items() if value != getattr(member, name)}
    changed = sorted(values)
    if "identifiers" in patch:
        identifiers: list[Identifier] = patch["identifiers"] or []
        if replace_identifiers(session, member.id, identifiers):
            changed.append("identifiers")
    if not changed:
        return
    session.execute(
        update(MemberRow)
        .where(MemberRow.tenant_id == session.info["tenant_id"], MemberRow.id == member.id)
        .values(version=MemberRow.version + 1, **values)
    )
    record(
        session,
        by,
        act="member.change",
        subject=f"member {member.member_id}",
        after={"changed": changed},
    )


def bounded(attributes: dict[str, Any]) -> dict[str, Any]:
    """`attributes`, unless they are too large: many requests must not let a row grow without end.

    Raises Invalid.
    """
    if len(orjson.dumps(attributes)) > MOST_ATTRIBUTE_BYTES:
        raise Invalid.field(
            "/attributes", "too_large", f"More than {MOST_ATTRIBUTE_BYTES} bytes in all."
        )
    return attributes
