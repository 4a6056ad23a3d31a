"""Batches of purchases: JSON or NDJSON, each item with an outcome of its own, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loyalty.earning.accept import TransactionMismatch, check_time, to_row
from loyalty.errors import Invalid, Problem
from loyalty.programs.queries import Program
from loyalty.tenants.principal import Principal
from loyalty.web.batch import MOST_ITEMS, named, read_items, refused
from loyalty.web.body import load
from loyalty.web.earn_schema import EARN, EarnSchema
from loyalty.web.fields import Choice, Id, ListOf, Part, Points, Schema, Text
from loyalty.web.intake import store
from loyalty.web.problems import FieldErrorSchema

OUTCOMES = ("accepted", "duplicate", "conflict", "invalid")


class BatchSchema(Schema):
    """Up to 1000 purchases."""

    earns = ListOf(Part(EarnSchema), least=1, most=MOST_ITEMS, required=True)


class OutcomeSchema(Schema):
    """What became of one item: stored now, there already, there with other content, refused."""

    index = Points(required=True)
    source = Text(allow_none=True)
    transaction_id = Text(allow_none=True)
    outcome = Choice(OUTCOMES, required=True)
    id = Id()
    code = Text()
    detail = Text()
    errors = ListOf(Part(FieldErrorSchema), most=50)


class BatchSummarySchema(Schema):
    """How many items had which outcome."""

    accepted = Points(required=True)
    duplicate = Points(required=True)
    conflict = Points(required=True)
    invalid = Points(required=True)


class BatchAnswerSchema(Schema):
    """The outcomes, in the order of the items."""

    summary = Part(BatchSummarySchema, required=True)
    results = ListOf(Part(OutcomeSchema), most=MOST_ITEMS, required=True)


@dataclass(slots=True)
class _Item:
    """One item on its way: `told` is its outcome so far."""

    given: Any
    told: dict[str, Any]
    row: dict[str, Any] | None = None


def read_batch() -> list[Any]:
    """The items of the request, not yet looked at. Raises what makes the whole unreadable."""
    return read_items("earns")


def store_batch(
    who: Principal, book: Program, given: Sequence[Any], request_id: str | None, at: datetime
) -> dict[str, Any]:
    """Stores what is valid, in one transaction, and tells the outcome of each item."""
    items = [_Item(one, {"index": index}) for index, one in enumerate(given)]
    for item in items:
        _read(item, who, book, request_id, at)
    _store(who.tenant_id, [item for item in items if item.row is not None])
    counts = Counter(item.told["outcome"] for item in items)
    return {
        "summary": {outcome: counts[outcome] for outcome in OUTCOMES},
        "results": [item.told for item in items],
    }


def _read(item: _Item, who: Principal, book: Program, request_id: str | None, at: datetime) -> None:
    try:
        if isinstance(item.given, Problem):
            raise item.given
        earn = load(EARN, item.given)
        who.require_source(earn.source)
        who.require_retailer(earn.retailer)
        check_time(earn.occurred_at, book.settings.late_window_days, at)
    except Problem as problem:
        for name in ("source", "transaction_id"):
            item.told[name] = named(item.given, name)
        item.told |= refused(problem)
    else:
        item.told["source"], item.told["transaction_id"] = earn.source, earn.transaction_id
        item.row = to_row(book.id, earn, request_id, at)


def _store(tenant_id: int, items: Sequence[_Item]) -> None:
    if not items:
        return
    try:
        stored = store(tenant_id, [item.row for item in items if item.row])
    except Invalid as problem:  # Postgres refused a row: each by itself, so that one is to blame
        if len(items) == 1:
            items[0].told |= refused(problem)
        else:
            for item in items:
                _store(tenant_id, [item])
        return
    for item, one in zip(items, stored, strict=True):
        item.told["id"] = one.id
        item.told["outcome"] = "accepted" if one.fresh else "duplicate" if one.same else "conflict"
        if not one.same:
            item.told["code"] = TransactionMismatch.code
