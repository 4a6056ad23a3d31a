"""Webhooks: where a tenant's systems are told what happened, and what became of each message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.clock import wall_clock
from loyalty.events.feed import Place
from loyalty.programs.models import ProgramRow
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource
from loyalty.web.webhook_schema import (
    DeliveryArgs,
    DeliverySchema,
    DeliveryToldSchema,
    NewWebhookSchema,
    ReplaySchema,
    RotateWebhookSchema,
    ToldWebhookSchema,
    WebhookChangeSchema,
    WebhookSchema,
    WebhookSecretSchema,
)
from loyalty.webhooks import queries, save
from loyalty.webhooks.lay_out import add_test
from loyalty.webhooks.models import DeliveryRow, WebhookRow
from loyalty.webhooks.queries import webhook_by_id
from loyalty.webhooks.settle import try_again

webhooks = Resource("webhooks", description="Tell another system what happens, as it happens.")
_TOLD, _DELIVERY = WebhookSchema(), DeliverySchema()


@webhooks.route("/webhooks", methods=["POST"])
@allow("webhooks.change")
@webhooks.arguments(NewWebhookSchema)
@webhooks.response(201, ToldWebhookSchema)
def create(wanted: dict[str, Any]) -> Response:
    """Add a webhook and tell its secret, once. It is told what happens from now on.

    An Idempotency-Key is not looked at: its stored answer would keep the secret for 30 days.
    """
    with transaction(tenant()) as session:
        row, secret = save.add_webhook(session, save.NewWebhook(**wanted), acting(wall_clock()))
        [shown] = _shown(session, [row])
    return json_answer({**shown, "secret": secret}, 201)


@webhooks.route("/webhooks", methods=["GET"])
@allow("webhooks.read")
@webhooks.arguments(ListById, location="query")
@webhooks.response(200, page_schema(WebhookSchema))
def browse(asked: dict[str, Any]) -> object:
    """List the webhooks, newest first."""
    with transaction(tenant()) as session:
        found = queries.webhooks(session, asked["after"], asked["limit"] + 1)
        told, status, headers = page(found, asked["limit"], lambda row: row.id)
        return json_answer({**told, "data": _shown(session, told["data"])}, status, headers)


@webhooks.route("/webhooks/<id:webhook_id>", methods=["GET"])
@allow("webhooks.read")
@webhooks.response(200, WebhookSchema)
def read(webhook_id: UUID) -> Response:
    """Tell a webhook."""
    with transaction(tenant()) as session:
        return _answer(session, webhook_by_id(session, webhook_id))


@webhooks.route("/webhooks/<id:webhook_id>", methods=["PATCH"])
@allow("webhooks.change")
@webhooks.conditional()
@webhooks.arguments(WebhookChangeSchema)
@webhooks.response(200, WebhookSchema)
def amend(patch: dict[str, Any], webhook_id: UUID) -> Response:
    """Change a webhook by merge patch, pause it, or make it active again."""
    with transaction(tenant()) as session:
        present = webhook_by_id(session, webhook_id, lock=True)
        if_match(present.version)
        return _answer(session, save.change_webhook(session, present, patch, acting(wall_clock())))


@webhooks.route("/webhooks/<id:webhook_id>", methods=["DELETE"])
@allow("webhooks.change")
@webhooks.response(200, WebhookSchema)
def delete(webhook_id: UUID) -> Response:
    """Take a webhook out, and with it what was not delivered."""
    with transaction(tenant()) as session:
        present = webhook_by_id(session, webhook_id, lock=True)
        [shown] = _shown(session, [present])
        save.remove_webhook(session, present, acting(wall_clock()))
    return json_answer(shown)


@webhooks.route("/webhooks/<id:webhook_id>/rotate", methods=["POST"])
@allow("webhooks.change")
@webhooks.arguments(RotateWebhookSchema)
@webhooks.response(200, WebhookSecretSchema)
def rotate(wanted: dict[str, Any], webhook_id: UUID) -> dict[str, Any]:
    """Give a webhook a new secret and tell it, once; for a while both sign."""
    overlap = timedelta(hours=wanted["overlap_hours"])
    with transaction(tenant()) as session:
        present = webhook_by_id(session, webhook_id, lock=True)
        secret = save.rotate_secret(session, present, overlap, acting(wall_clock()))
    return {"secret": secret, "old_secret_until": present.old_until}


@webhooks.route("/webhooks/<id:webhook_id>/test", methods=["POST"])
@allow("webhooks.change")
@webhooks.response(202, DeliverySchema)
def test(webhook_id: UUID) -> DeliveryRow:
    """Send a test event; what became of it stands under the deliveries within seconds."""
    with transaction(tenant()) as session:
        present, at = webhook_by_id(session, webhook_id, lock=True), wall_clock()
        present.rest_no_more(at)
        delivery_id = add_test(session, present.id, at)
        session.flush()
        return queries.delivery_by_id(session, webhook_id, delivery_id)


@webhooks.route("/webhooks/<id:webhook_id>/replay", methods=["POST"])
@allow("webhooks.change")
@webhooks.arguments(ReplaySchema)
@webhooks.response(202, WebhookSchema)
def replay(wanted: dict[str, Any], webhook_id: UUID) -> Response:
    """Tell everything after a cursor again, with the same ids, and then what comes."""
    with transaction(tenant()) as session:
        present = webhook_by_id(session, webhook_id, lock=True)
        save.replay(session, present, Place.parse(wanted["after"]), acting(wall_clock()))
        [shown] = _shown(session, [present])
    return json_answer(shown, 202)


@webhooks.route("/webhooks/<id:webhook_id>/deliveries", methods=["GET"])
@allow("webhooks.read")
@webhooks.arguments(DeliveryArgs, location="query")
@webhooks.response(200, page_schema(DeliverySchema))
def deliveries(asked: dict[str, Any], webhook_id: UUID) -> object:
    """List what was laid out for a webhook, newest first; `status=dead` is what was given up."""
    with transaction(tenant()) as session:
        webhook_by_id(session, webhook_id)
        found = queries.deliveries(
            session,
            webhook_id,
            status=asked["status"],
            before=asked["after"],
            limit=asked["limit"] + 1,
        )
    return page(found, asked["limit"], lambda row: row.id)


@webhooks.route("/webhooks/<id:webhook_id>/deliveries/<id:delivery_id>", methods=["GET"])
@allow("webhooks.read")
@webhooks.response(200, DeliveryToldSchema)
def read_delivery(webhook_id: UUID, delivery_id: UUID) -> Response:
    """Tell a delivery and what is sent."""
    with transaction(tenant()) as session:
        found = queries.delivery_by_id(session, webhook_id, delivery_id)
    return json_answer({**_dumped(found), "body": orjson.loads(found.body)})


@webhooks.route("/webhooks/<id:webhook_id>/deliveries/<id:delivery_id>/retry", methods=["POST"])
@allow("webhooks.change")
@webhooks.response(202, DeliverySchema)
def retry(webhook_id: UUID, delivery_id: UUID) -> DeliveryRow:
    """Send one again now, whatever became of it."""
    with transaction(tenant()) as session:
        present = webhook_by_id(session, webhook_id, lock=True)
        found = queries.delivery_by_id(session, webhook_id, delivery_id, lock=True)
        try_again(session, present, found.id, wall_clock())
        session.refresh(found)
        return found


def _dumped(row: DeliveryRow) -> dict[str, Any]:
    shown: dict[str, Any] = _DELIVERY.dump(row)
    return shown


def _answer(session: Session, row: WebhookRow) -> Response:
    [shown] = _shown(session, [row])
    return json_answer(shown, headers={"ETag": etag(row.version)})


def _shown(session: Session, rows: Sequence[WebhookRow]) -> list[dict[str, Any]]:
    """The webhooks as they are told, with the slugs of their programs and what waits."""
    counts = queries.counts(session, [row.id for row in rows])
    ids = {one for row in rows for one in row.program_ids or ()}
    slugs = _slugs(session, ids) if ids else {}
    return [
        _TOLD.dump(
            {
                **{name: getattr(row, name) for name in _OWN},
                "programs": None
                if row.program_ids is None
                else [slugs[one] for one in row.program_ids],
                "old_secret_until": _still(row.old_until),
                "waiting": counts[row.id].waiting,
                "dead": counts[row.id].dead,
            }
        )
        for row in rows
    ]


_OWN = (
    "id",
    "url",
    "description",
    "types",
    "status",
    "disabled_reason",
    "failing_since",
    "cursor",
    "version",
    "created_at",
)


def _slugs(session: Session, ids: set[int]) -> dict[int, str]:
    rows = session.execute(
        select(ProgramRow.id, ProgramRow.slug).where(
            ProgramRow.tenant_id == tenant(), ProgramRow.id.in_(ids)
        )
    )
    return {row.id: row.slug for row in rows}


def _still(until: datetime | None) -> datetime | None:
    return until if until is not None and until > wall_clock() else None
