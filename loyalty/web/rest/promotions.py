"""Promotions: what purchases are worth, drafted, published and ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.clock import now
from loyalty.earning.prove import check_draft, publish_proven
from loyalty.earning.rehearse import rehearse
from loyalty.programs.judging import at_rest
from loyalty.programs.queries import Program, program_by_slug
from loyalty.promotions import desk
from loyalty.promotions.desk import Promotion, promotion_by_key
from loyalty.promotions.draft import add_draft, add_promotion, change_promotion
from loyalty.promotions.end import end
from loyalty.promotions.report import report
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.lists import ListByNumber, page, page_schema
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.promotion_schema import (
    CheckSchema,
    EndSchema,
    NewPromotionSchema,
    NewVersionSchema,
    PromotionChangeSchema,
    PromotionSchema,
    RehearsalSchema,
    RehearseSchema,
    ReportArgs,
    ReportSchema,
    VersionSchema,
    shown_check,
    shown_promotion,
    shown_rehearsal,
    shown_report,
    shown_version,
)
from loyalty.web.resource import Resource

promotions = Resource("promotions", description="What purchases are worth: drafts, versions, ends.")
_A_MONTH = timedelta(days=30)
_MOST_REHEARSED = 10_000
_ONE = "/programs/<slug:program>/promotions/<slug:key>"


@promotions.route("/programs/<slug:program>/promotions", methods=["POST"])
@allow("promotions.change")
@promotions.keyed(required=False)
@promotions.arguments(NewPromotionSchema)
@promotions.response(201, PromotionSchema)
def create(wanted: dict[str, Any], program: str) -> Response:
    """Add a promotion; its first version is a draft."""
    with transaction(tenant()) as session:
        at, book = now(session), program_by_slug(session, program)

        def act() -> dict[str, Any]:
            return shown_promotion(add_promotion(session, book, wanted, acting(at)), at)

        return once(session, wanted, act, at=at, required=False)


@promotions.route("/programs/<slug:program>/promotions", methods=["GET"])
@allow("promotions.read")
@promotions.arguments(ListByNumber, location="query")
@promotions.response(200, page_schema(PromotionSchema))
def browse(asked: dict[str, Any], program: str) -> Response:
    """List the promotions, newest first; the standing one is the earn rate."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        at, book = now(session), program_by_slug(session, program)
        found = desk.promotions(session, book.id, before=asked["after"], limit=limit + 1)
    told, status, headers = page(found, limit, lambda one: one.id)
    shown = [shown_promotion(one, at) for one in told["data"]]
    return json_answer({**told, "data": shown}, status, headers)


@promotions.route(_ONE, methods=["GET"])
@allow("promotions.read")
@promotions.response(200, PromotionSchema)
def read(program: str, key: str) -> Response:
    """Tell a promotion."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        promotion = promotion_by_key(session, book.id, key)
        return json_answer(
            shown_promotion(promotion, now(session)),
            headers={"ETag": etag(promotion.revision)},
        )


@promotions.route(_ONE, methods=["PATCH"])
@allow("promotions.change")
@promotions.conditional()
@promotions.arguments(PromotionChangeSchema)
@promotions.response(200, PromotionSchema)
def amend(patch: dict[str, Any], program: str, key: str) -> Response:
    """Change the name or the draft; rule and fixtures are replaced as a whole."""
    with transaction(tenant()) as session:
        at, book = now(session), program_by_slug(session, program)
        present = promotion_by_key(session, book.id, key, lock=True)
        if_match(present.revision)
        changed = change_promotion(session, book, present, patch, acting(at))
        return json_answer(shown_promotion(changed, at), headers={"ETag": etag(changed.revision)})


@promotions.route(f"{_ONE}/versions", methods=["POST"])
@allow("promotions.change")
@promotions.keyed(required=False)
@promotions.arguments(NewVersionSchema)
@promotions.response(201, PromotionSchema)
def create_version(wanted: dict[str, Any], program: str, key: str) -> Response:
    """Draft the next version, as a copy of the newest."""
    return _done(
        program,
        key,
        wanted,
        lambda session, book, present, by: add_draft(session, book, present, wanted, by),
        status=201,
    )


@promotions.route(f"{_ONE}/versions", methods=["GET"])
@allow("promotions.read")
@promotions.arguments(ListByNumber, location="query")
@promotions.response(200, page_schema(VersionSchema))
def browse_versions(asked: dict[str, Any], program: str, key: str) -> Response:
    """List the versions, newest first."""
    limit, before = asked["limit"], asked["after"]
    with transaction(tenant()) as session:
        at, book = now(session), program_by_slug(session, program)
        every = promotion_by_key(session, book.id, key).versions
    found = [one for one in reversed(every) if before is None or one.number < before]
    told, status, headers = page(found[: limit + 1], limit, lambda one: one.number)
    shown = [shown_version(one, at) for one in told["data"]]
    return json_answer({**told, "data": shown}, status, headers)


@promotions.route(f"{_ONE}/publish", methods=["POST"])
@allow("promotions.publish")
@promotions.keyed(required=False)
@promotions.response(200, PromotionSchema)
def put_in_force(program: str, key: str) -> Response:
    """Publish the draft, if its fixtures hold: from its start on it judges what occurs."""
    return _done(
        program,
        key,
        None,
        publish_proven,
        in_force=True,
    )


@promotions.route(f"{_ONE}/check", methods=["POST"])
@allow("promotions.read")
@promotions.response(200, CheckSchema)
def check(program: str, key: str) -> Response:
    """Tell what the draft's fixtures would give if it were published now; nothing is written."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        promotion = promotion_by_key(session, book.id, key)
        return json_answer(shown_check(check_draft(session, book, promotion, now(session))))


@promotions.route(f"{_ONE}/end", methods=["POST"])
@allow("promotions.publish")
@promotions.keyed(required=False)
@promotions.arguments(EndSchema)
@promotions.response(200, PromotionSchema)
def finish(wanted: dict[str, Any], program: str, key: str) -> Response:
    """End a promotion, now or later; what it gave stays."""
    return _done(
        program,
        key,
        wanted,
        lambda session, book, present, by: end(
            session, book, present, wanted["ends_at"], by, reason=wanted["reason"]
        ),
        in_force=True,
    )


@promotions.route(f"{_ONE}/report", methods=["GET"])
@allow("promotions.read")
@promotions.arguments(ReportArgs, location="query")
@promotions.response(200, ReportSchema)
def tell_report(asked: dict[str, Any], program: str, key: str) -> Response:
    """Tell what a promotion has cost and brought, in the last 30 days or the time that is asked."""
    with transaction(tenant()) as session:
        at, book = now(session), program_by_slug(session, program)
        promotion = promotion_by_key(session, book.id, key)
        until = asked.get("until", at)
        since = asked.get("since", until - _A_MONTH)
        told = report(session, book, promotion, since, until)
    return json_answer(shown_report(told, book.currency))


@promotions.route(f"{_ONE}/rehearse", methods=["POST"])
@allow("promotions.read")
@promotions.arguments(RehearseSchema)
@promotions.response(200, RehearsalSchema)
def rehearse_draft(wanted: dict[str, Any], program: str, key: str) -> Response:
    """Try the draft on real purchases, of the last 30 days or a time; nothing is written."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        promotion = promotion_by_key(session, book.id, key)
        until = wanted["until"] or now(session)
        since = wanted["since"] or until - _A_MONTH
        keys = {one.id: one.key for one in desk.every_promotion(session, book.id)}
        trial = rehearse(session, book, promotion, since, until, most=_MOST_REHEARSED)
        [told] = deque(trial, maxlen=1)
    return json_answer(shown_rehearsal(told, keys, since, until))


Act = Callable[[Session, Program, Promotion, By], Promotion]


def _done(
    program: str, key: str, wanted: object, act: Act, *, status: int = 200, in_force: bool = False
) -> Response:
    """Does something to a locked promotion, once under a key, and tells it.

    With `in_force` it changes what purchases are judged by.
    """
    with transaction(tenant()) as session:
        book = (at_rest if in_force else program_by_slug)(session, program)
        at = now(session)

        def done() -> dict[str, Any]:
            present = promotion_by_key(session, book.id, key, lock=True)
            return shown_promotion(act(session, book, present, acting(at)), at)

        return once(session, wanted, done, at=at, status=status, required=False)
