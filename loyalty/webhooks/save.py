"""A webhook is added, changed, given a new secret, taken out; and it is written who did it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.config import config
from loyalty.errors import Conflict, Invalid
from loyalty.events.feed import Place, latest
from loyalty.ids import uuid7
from loyalty.outbound import Unreachable, check_url
from loyalty.programs.queries import program_by_slug
from loyalty.webhooks.models import DeliveryRow, WebhookRow
from loyalty.webhooks.rules import SECRET_BYTES, secret_text
from loyalty.webhooks.seal import seal, unseal

MOST_WEBHOOKS = 50  # of a tenant
PORTS = frozenset({443, 8443})  # where others' webhooks listen; what else there is, we leave alone


class TooManyWebhooks(Conflict):
    """409: a tenant has 50 at most."""

    code = "too_many_webhooks"
    title = "There are as many webhooks as there may be"
    cure = "Remove one that is not needed, or let one of them take more types."


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """Where to tell what. None in `types` or `programs` is all of them."""

    url: str
    description: str = ""
    types: Sequence[str] | None = None
    programs: Sequence[str] | None = None


def add_webhook(session: Session, order: NewWebhook, by: By) -> tuple[WebhookRow, str]:
    """The new webhook, told of what happens from now on, and its secret, told this once.

    Raises TooManyWebhooks, NotFound for a program, Invalid for a URL that is never called.
    """
    tenant_id: int = session.info["tenant_id"]
    check_address(order.url)
    own = select(func.count()).select_from(WebhookRow).where(WebhookRow.tenant_id == tenant_id)
    if (session.scalar(own) or 0) >= MOST_WEBHOOKS:  # two at once may make it one more: no harm
        raise TooManyWebhooks
    webhook_id, secret = uuid7(), secrets.token_bytes(SECRET_BYTES)
    row = WebhookRow(
        tenant_id=tenant_id,
        id=webhook_id,
        url=order.url,
        description=order.description,
        types=_sorted(order.types),
        program_ids=_program_ids(session, order.programs),
        status="active",
        secret=seal(secret, tenant_id, webhook_id),
        cursor=str(latest(session)),
        rests_until=by.at,
        created_at=by.at,
    )
    session.add(row)
    session.flush()
    _record(session, row, "add", by, after=told(row))
    return row, secret_text(secret)


def change_webhook(
    session: Session, present: WebhookRow, patch: Mapping[str, Any], by: By
) -> WebhookRow:
    """Applies a merge patch to one that was read with `lock`. Made active again, it goes on from
    where it stopped, at once.

    Raises NotFound for a program, Invalid for a URL that is never called.
    """
    before = told(present)
    values = {**patch}
    if "url" in values:
        check_address(values["url"])
    if "types" in values:
        values["types"] = _sorted(values["types"])
    if "programs" in values:
        values["program_ids"] = _program_ids(session, values.pop("programs"))
    if values.get("status") == "active" and present.status != "active":
        _wake(session, present, by.at)
    for name, value in values.items():
        setattr(present, name, value)
    present.version += 1
    session.flush()
    _record(session, present, "change", by, before=before, after=told(present))
    return present


def rotate_secret(session: Session, present: WebhookRow, overlap: timedelta, by: By) -> str:
    """A new secret, told this once; for the `overlap` both sign, so that receivers can change.

    `present` was read with `lock`.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    if overlap:
        present.old_secret, present.old_until = present.secret, by.at + overlap
    else:
        present.old_secret, present.old_until = None, None
    present.secret = seal(secret, present.tenant_id, present.id)
    present.version += 1
    session.flush()
    _record(session, present, "rotate", by)
    return secret_text(secret)


def replay(session: Session, present: WebhookRow, after: Place, by: By) -> None:
    """All that it wants of what happened after that place is told again, in order, and then what
    comes. `present` was read with `lock`. Raises Invalid for a place that is not there yet.
    """
    if after > latest(session):
        raise Invalid.field("/after", "in_the_future", "The feed has not come so far yet.")
    before, present.cursor = present.cursor, str(after)
    present.rest_no_more(by.at)
    session.flush()
    _record(session, present, "replay", by, before={"cursor": before}, after={"cursor": str(after)})


def remove_webhook(session: Session, present: WebhookRow, by: By) -> None:
    """Takes it out with its deliveries. `present` was read with `lock`."""
    session.delete(present)
    session.flush()
    _record(session, present, "remove", by, before=told(present))


def keys_of(row: WebhookRow, at: datetime) -> list[bytes]:
    """The secrets that sign at that time, the newest first. Raises CannotUnseal."""
    kept = [row.secret]
    if row.old_secret is not None and row.old_until is not None and row.old_until > at:
        kept.append(row.old_secret)
    return [unseal(one, row.tenant_id, row.id) for one in kept]


def check_address(url: str) -> None:
    """Raises Invalid for a URL that is never called, whatever its name resolves to."""
    try:
        check_url(url)
    except Unreachable as refused:
        raise Invalid.field("/url", "not_callable", str(refused)) from None
    port = urlsplit(url).port
    if port is not None and port not in PORTS and not config().private_addresses:
        allowed = " and ".join(str(one) for one in sorted(PORTS))
        raise Invalid.field("/url", "port_not_allowed", f"Only the ports {allowed} are called.")


def told(row: WebhookRow) -> dict[str, Any]:
    """What an audit record keeps: no secret."""
    return {
        "url": row.url,
        "description": row.description,
        "types": row.types,
        "program_ids": row.program_ids,
        "status": row.status,
    }


def _wake(session: Session, row: WebhookRow, at: datetime) -> None:
    row.failing_since, row.failed_rounds, row.rests_until = None, 0, at
    row.disabled_reason = None
    session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.tenant_id == row.tenant_id,
            DeliveryRow.webhook_id == row.id,
            DeliveryRow.status == "pending",
        )
        .values(due_at=at)
    )


def _program_ids(session: Session, slugs: Sequence[str] | None) -> list[int] | None:
    if slugs is None:
        return None
    return sorted({program_by_slug(session, slug).id for slug in slugs})


def _sorted(types: Sequence[str] | None) -> list[str] | None:
    return None if types is None else sorted(set(types))


def _record(
    session: Session,
    row: WebhookRow,
    act: str,
    by: By,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    record(
        session,
        by,
        act=f"webhook.{act}",
        subject=f"webhook {row.id}",
        before=before,
        after=after,
    )
