"""Who did what: to read, never to write."""

from __future__ import annotations

from typing import Any

from loyalty.audit.queries import Sought, records
from loyalty.transaction import transaction
from loyalty.web.auth import allow, tenant
from loyalty.web.fields import Attributes, Id, Instant, Schema, Text
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.resource import Resource

audit_log = Resource("audit_log", description="Who did what: added to, never changed.")


class AuditRecordSchema(Schema):
    """One act of one actor, on a `subject` like `program wine`."""

    id = Id(required=True)
    actor = Text(required=True)
    act = Text(required=True)
    subject = Text(required=True)
    before = Attributes(required=True, allow_none=True)
    after = Attributes(required=True, allow_none=True)
    reason = Text(required=True, allow_none=True, most=1000)
    request_id = Text(required=True, allow_none=True)
    at = Instant(required=True)


class AuditLogArgs(ListById):
    """What is sought; each that is given must hold."""

    actor = Text(metadata={"description": "As the log names them: `admin:anna`, `key:…`."})
    act = Text(metadata={"description": "Noun and verb: `program.pause`."})
    subject = Text(most=400, metadata={"description": "What it was done to: `program wine`."})
    request_id = Text(metadata={"description": "The `X-Request-Id` of the request that did it."})
    since = Instant()
    until = Instant(metadata={"description": "Up to this instant, and not at it."})


@audit_log.route("/audit-log", methods=["GET"])
@allow("audit_log.read")
@audit_log.arguments(AuditLogArgs, location="query")
@audit_log.response(200, page_schema(AuditRecordSchema))
def browse(asked: dict[str, Any]) -> object:
    """Tell who did what, newest first."""
    limit, before = asked.pop("limit"), asked.pop("after")
    with transaction(tenant()) as session:
        found = records(session, before, limit + 1, Sought(**asked))
    return page(found, limit, lambda record: record.id)
