"""Rewards: what points buy, how many there are, and the codes that are handed out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from loyalty.clock import now
from loyalty.members.queries import membership_of
from loyalty.programs.cache import recent_program
from loyalty.rewards import queries
from loyalty.rewards.models import RewardRow
from loyalty.rewards.offer import add_reward, change_reward, end_reward
from loyalty.rewards.queries import reward_by_key
from loyalty.rewards.stock import adjust_stock
from loyalty.rewards.vouchers import upload
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.lists import ListById, page, page_schema
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource
from loyalty.web.reward_schema import (
    HandedOutSchema,
    NewRewardSchema,
    OfferedRewardSchema,
    RewardChangeSchema,
    StockChangeSchema,
    StockSchema,
    VoucherCountsSchema,
    VouchersUploadedSchema,
    VoucherUploadSchema,
    shown_reward,
)

rewards = Resource("rewards", description="What points buy: price, eligibility, stock, vouchers.")


@rewards.route("/programs/<slug:program>/rewards", methods=["POST"])
@allow("rewards.change")
@rewards.keyed(required=False)
@rewards.arguments(NewRewardSchema)
@rewards.response(201, OfferedRewardSchema)
def create(wanted: dict[str, Any], program: str) -> Response:
    """Offer a reward."""
    with transaction(tenant()) as session:
        book, by = recent_program(session, program), acting(now(session))

        def act() -> dict[str, Any]:
            return _shown(session, add_reward(session, book, wanted, by))

        return once(session, wanted, act, at=by.at, required=False)


@rewards.route("/programs/<slug:program>/rewards", methods=["GET"])
@allow("rewards.read")
@rewards.arguments(ListById, location="query")
@rewards.response(200, page_schema(OfferedRewardSchema))
def browse(asked: dict[str, Any], program: str) -> Response:
    """List the catalogue, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        found = queries.rewards(session, book.id, before=asked["after"], limit=limit + 1)
        stocks = queries.stocks(session, [row.id for row in found])
    told, status, headers = page(found, limit, lambda row: row.id)
    shown = [shown_reward(row, stocks.get(row.id)) for row in told["data"]]
    return json_answer({**told, "data": shown}, status, headers)


@rewards.route("/programs/<slug:program>/rewards/<slug:key>", methods=["GET"])
@allow("rewards.read")
@rewards.response(200, OfferedRewardSchema)
def read(program: str, key: str) -> Response:
    """Tell a reward, and how many are left."""
    with transaction(tenant()) as session:
        row = reward_by_key(session, recent_program(session, program).id, key)
        return _told(session, row)


@rewards.route("/programs/<slug:program>/rewards/<slug:key>", methods=["PATCH"])
@allow("rewards.change")
@rewards.conditional()
@rewards.arguments(RewardChangeSchema)
@rewards.response(200, OfferedRewardSchema)
def amend(patch: dict[str, Any], program: str, key: str) -> Response:
    """Change a reward by merge patch; key, kind and the source of codes stay."""
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        present = reward_by_key(session, book.id, key, lock=True)
        if_match(present.version)
        changed = change_reward(session, book, present, patch, acting(now(session)))
        return _told(session, changed)


@rewards.route("/programs/<slug:program>/rewards/<slug:key>", methods=["DELETE"])
@allow("rewards.change")
@rewards.response(200, OfferedRewardSchema)
def delete(program: str, key: str) -> Response:
    """Take a reward off the catalogue; what was redeemed stays, and holds can be captured."""
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        row = reward_by_key(session, book.id, key, lock=True)
        end_reward(session, book, row, acting(now(session)))
        return json_answer(_shown(session, row))


@rewards.route("/programs/<slug:program>/rewards/<slug:key>/stock", methods=["POST"])
@allow("rewards.change")
@rewards.keyed(required=True)
@rewards.arguments(StockChangeSchema)
@rewards.response(200, StockSchema)
def change_stock(wanted: dict[str, Any], program: str, key: str) -> Response:
    """Raise the stock, or lower it; never below what is left."""
    with transaction(tenant()) as session:
        book, by = recent_program(session, program), acting(now(session))
        row = reward_by_key(session, book.id, key)

        def act() -> dict[str, Any]:
            return asdict(adjust_stock(session, book, row, **wanted, by=by))

        return once(session, wanted, act, at=by.at, status=200)


@rewards.route("/programs/<slug:program>/rewards/<slug:key>/vouchers", methods=["POST"])
@allow("rewards.change")
@rewards.keyed(required=False)
@rewards.arguments(VoucherUploadSchema)
@rewards.response(200, VouchersUploadedSchema)
def upload_vouchers(wanted: dict[str, Any], program: str, key: str) -> Response:
    """Put up to 1000 codes into the pool; those that are known are told, and left as they are."""
    with transaction(tenant()) as session:
        book, by = recent_program(session, program), acting(now(session))
        row = reward_by_key(session, book.id, key)

        def act() -> dict[str, Any]:
            return asdict(upload(session, book, row, **wanted, by=by))

        return once(session, wanted, act, at=by.at, status=200, required=False)


@rewards.route("/programs/<slug:program>/rewards/<slug:key>/vouchers", methods=["GET"])
@allow("rewards.change")
@rewards.response(200, VoucherCountsSchema)
def count_vouchers(program: str, key: str) -> Response:
    """Count the codes; they themselves are told to their members alone."""
    with transaction(tenant()) as session:
        row = reward_by_key(session, recent_program(session, program).id, key)
        return json_answer(asdict(queries.voucher_counts(session, row.id)))


@rewards.route("/programs/<slug:program>/members/<member:member_id>/vouchers", methods=["GET"])
@allow("redemptions.read")
@rewards.arguments(ListById, location="query")
@rewards.response(200, page_schema(HandedOutSchema))
def vouchers_of_member(asked: dict[str, Any], program: str, member_id: str) -> object:
    """List the codes that a member was given, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        book = recent_program(session, program)
        account_id = membership_of(session, book.id, member_id).account_id
        found = queries.vouchers_of(session, account_id, before=asked["after"], limit=limit + 1)
    return page(found, limit, lambda one: one.redemption_id)


def _shown(session: Session, row: RewardRow) -> dict[str, Any]:
    return shown_reward(row, queries.stocks(session, [row.id]).get(row.id))


def _told(session: Session, row: RewardRow) -> Response:
    return json_answer(_shown(session, row), headers={"ETag": etag(row.version)})
