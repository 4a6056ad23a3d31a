"""What is known of a member changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from loyalty.errors import Invalid
from loyalty.members.identify import Identifier, replace_identifiers
from loyalty.members.models import MemberRow
from loyalty.members.queries import NotEnrolled
from loyalty.programs.change_program import check_version
from loyalty.programs.merge_patch import merged

MOST_ATTRIBUTE_BYTES = 32_768


def change_member(
    session: Session, member_id: str, patch: Mapping[str, Any], *, expected_version: int | None
) -> None:
    """Applies a merge patch of valid values: `name`, `birthday`, `time_zone`, `attributes`, and
    `identifiers` (Identifier), which are replaced as a whole.

    Raises NotEnrolled, VersionMismatch, IdentifierTaken.
    """
    member = session.execute(
        select(MemberRow.id, MemberRow.version, MemberRow.attributes)
        .where(MemberRow.tenant_id == session.info["tenant_id"], MemberRow.member_id == member_id)
        .with_for_update()
    ).one_or_none()
    if member is None:
        raise NotEnrolled(member_id)
    check_version(member.version, expected_version)
    values = {name: patch[name] for name in ("name", "birthday", "time_zone") if name in patch}
    if "attributes" in patch:
        values["attributes"] = _bounded(merged(member.attributes, patch["attributes"] or {}))
    session.execute(
        update(MemberRow)
        .where(MemberRow.tenant_id == session.info["tenant_id"], MemberRow.id == member.id)
        .values(version=member.version + 1, **values)
    )
    if "identifiers" in patch:
        identifiers: list[Identifier] = patch["identifiers"] or []
        replace_identifiers(session, member.id, identifiers)


def _bounded(attributes: dict[str, Any]) -> dict[str, Any]:
    # One request is bounded by its schema; many of them must not let a row grow without end.
    if len(orjson.dumps(attributes)) > MOST_ATTRIBUTE_BYTES:
        raise Invalid.field(
            "/attributes", "too_large", f"More than {MOST_ATTRIBUTE_BYTES} bytes in all."
        )
    return attributes
