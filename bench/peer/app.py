"""The peer's door: `granian --interface wsgi bench.peer.app:app`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Flask, abort, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bench.peer.models import ApiKey, Program, Purchase, Session
from bench.peer.tasks import award

app = Flask("peer")


class PurchaseSchema(Schema):
    """What a till sends."""

    source = fields.Str(required=True, validate=validate.Length(1, 100))
    transaction_id = fields.Str(required=True, validate=validate.Length(1, 200))
    member_id = fields.Str(required=True, validate=validate.Length(1, 128))
    amount = fields.Decimal(required=True, places=4)
    currency = fields.Str(required=True, validate=validate.Length(equal=3))
    occurred_at = fields.AwareDateTime(required=True)
    retailer = fields.Str(validate=validate.Length(1, 100))
    store = fields.Str(validate=validate.Length(1, 100))
    channel = fields.Str(validate=validate.Length(1, 50))


purchase_schema = PurchaseSchema()


@app.teardown_appcontext
def remove_session(_: BaseException | None) -> None:
    """Gives the connection back."""
    Session.remove()


def require_api_key(
    view: Callable[[str], ResponseReturnValue],
) -> Callable[[str], ResponseReturnValue]:
    """Lets only those in whose key is in the table."""

    @wraps(view)
    def guarded(program: str) -> ResponseReturnValue:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if Session.scalar(select(ApiKey).where(ApiKey.key == key)) is None:
            abort(401)
        return view(program)

    return guarded


@app.post("/v1/programs/<program>/earns")
@require_api_key
def create(program: str) -> ResponseReturnValue:
    """Takes a purchase and queues its award."""
    try:
        values = purchase_schema.load(request.get_json())
    except ValidationError as error:
        return jsonify(errors=error.messages), 422
    book = Session.scalar(select(Program).where(Program.slug == program))
    if book is None:
        abort(404)
    purchase = Purchase(program_id=book.id, **values)
    Session.add(purchase)
    try:
        Session.commit()
    except IntegrityError:
        Session.rollback()
        return jsonify(error="duplicate"), 409
    award.delay(purchase.id)
    return jsonify(id=purchase.id, status=purchase.status), 202


@app.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Whether it runs."""
    return jsonify(status="ok")
