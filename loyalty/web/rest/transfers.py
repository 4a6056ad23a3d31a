"""Transfers: a member gives points to another of the same program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response

from loyalty.care import queries
from loyalty.care.queries import Transferred, read_transfer
from loyalty.care.transfer import Sides, Transfer, transfer
from loyalty.clock import now
from loyalty.programs.queries import program_by_slug
from loyalty.transaction import transaction
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.database_errors import again_after_deadlock
from loyalty.web.fields import (
    Id,
    Instant,
    ListOf,
    MemberId,
    Part,
    Points,
    Schema,
    Slug,
    Text,
    instant_text,
)
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.member_schema import BalanceSchema, shown_balance
from loyalty.web.once import once
from loyalty.web.resource import Resource

_MOST_PARCELS = 10_000

transfers = Resource("transfers", description="Points that members give to each other.")


class NewTransferSchema(Schema):
    """Who gives how many points to whom, and why."""

    from_ = MemberId(required=True, data_key="from", attribute="giver")
    to = MemberId(required=True, attribute="taker")
    points = Points(least=1, required=True)
    reason = Text(most=500, required=True)


class TransferSchema(Schema):
    """Points that one member gave to another."""

    id = Id(required=True)
    program = Slug(required=True)
    from_ = MemberId(required=True, data_key="from", attribute="giver")
    to = MemberId(required=True, attribute="taker")
    points = Points(required=True)
    reason = Text(required=True, most=500)
    actor = Text(required=True, most=300)
    occurred_at = Instant(required=True)


class ParcelSchema(Schema):
    """Points that arrived as one lot."""

    points = Points(required=True)
    expires_at = Instant(required=True, allow_none=True)


class BalancesSchema(Schema):
    """The balances after it."""

    from_ = Part(BalanceSchema, required=True, data_key="from")
    to = Part(BalanceSchema, required=True)


class TransferredSchema(TransferSchema):
    """A transfer that was made just now."""

    lots = ListOf(Part(ParcelSchema), most=_MOST_PARCELS, required=True)
    balances = Part(BalancesSchema, required=True)


class TransferListArgs(ListById):
    """The filter of the list: who gave or took."""

    member_id = MemberId()


_TRANSFER = TransferSchema()


@transfers.route("/programs/<slug:program>/transfers", methods=["POST"])
@allow("transfers.create")
@transfers.keyed(required=True)
@transfers.arguments(NewTransferSchema)
@transfers.response(201, TransferredSchema)
@again_after_deadlock
def create(wanted: dict[str, Any], program: str) -> Response:
    """Transfer points. They keep their expiry, and count for no tier again."""
    with transaction(tenant()) as session:
        book, at = program_by_slug(session, program), now(session)

        def act() -> Mapping[str, Any]:
            order = Transfer(**wanted)
            return _shown(transfer(session, book, order, by=acting(at)))

        return once(session, wanted, act, at=at)


@transfers.route("/programs/<slug:program>/transfers", methods=["GET"])
@allow("transfers.read")
@transfers.arguments(TransferListArgs, location="query")
@transfers.response(200, page_schema(TransferSchema))
def browse(asked: dict[str, Any], program: str) -> object:
    """List the transfers, newest first."""
    limit, member_id = asked["limit"], asked.get("member_id")
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        found = queries.transfers(
            session, book, member_id=member_id, before=asked["after"], limit=limit + 1
        )
    return page(found, limit, lambda one: one.id)


@transfers.route("/transfers/<id:transfer_id>", methods=["GET"])
@allow("transfers.read")
@transfers.response(200, TransferSchema)
def read(transfer_id: UUID) -> Transferred:
    """Tell a transfer."""
    with transaction(tenant()) as session:
        return read_transfer(session, transfer_id)


def _shown(made: Sides) -> dict[str, Any]:
    shown: dict[str, Any] = _TRANSFER.dump(made.transfer)
    lots = [
        {
            "points": one.points,
            "expires_at": instant_text(one.life.expires_at) if one.life.expires_at else None,
        }
        for one in made.parcels
    ]
    balances = {"from": shown_balance(made.giver), "to": shown_balance(made.taker)}
    return {**shown, "lots": lots, "balances": balances}
