"""What is known of a member changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.errors import Invalid
from loyalty.members.identify import Identifier, replace_identifiers
from loyalty.members.models import MemberRow
from loyalty.programs.merge_patch import merged

MOST_ATTRIBUTE_BYTES = 32_768


def change_member(session: Session, member: MemberRow, patch: Mapping[str, Any]) -> None:
    """Applies a merge patch of valid values: `name`, `birthday`, `time_zone`, `attributes`, and
    `identifiers` (Identifier), which are replaced as a whole.

    `member` was read with `lock`. Raises IdentifierTaken, and Invalid for too many attributes.
    """
    values = {name: patch[name] for name in ("name", "birthday", "time_zone") if name in patch}
    if "attributes" in patch:
        values["attributes"] = _bounded(merged(member.attributes, patch["attributes"] or {}))
    session.execute(
        update(MemberRow)
        .where(MemberRow.tenant_id == session.info["tenant_id"], MemberRow.id == member.id)
        .values(version=MemberRow.version + 1, **values)
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
