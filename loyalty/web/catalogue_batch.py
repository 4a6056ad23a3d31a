"""Many retailers or products at once, each with an outcome of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import marshmallow
from flask import Response

from loyalty.catalogue.change import check_price
from loyalty.catalogue.models import ProductRow, RetailerRow
from loyalty.catalogue.upsert import OUTCOMES, upsert
from loyalty.clock import now
from loyalty.errors import Invalid, Problem
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, tenant
from loyalty.web.batch import named, read_items, refused
from loyalty.web.body import load


def upsert_items(
    kind: type[RetailerRow] | type[ProductRow], schema: marshmallow.Schema
) -> Response:
    """Reads the request's items, stores those that are valid, and tells what became of each."""
    results: list[dict[str, Any]] = []
    rows: dict[str, dict[str, Any]] = {}
    for index, given in enumerate(read_items(f"{kind.NOUN}s")):
        result: dict[str, Any] = {"index": index, "id": named(given, kind.KEY)}
        try:
            row = _read(given, schema, kind.KEY, rows)
        except Problem as problem:
            result |= refused(problem)
        else:
            rows[row[kind.KEY]] = row
        results.append(result)
    if rows:
        with transaction(tenant()) as session:
            by = acting(now(session))
            outcomes = upsert(session, kind, list(rows.values()), by)
        for result in results:
            result.setdefault("outcome", outcomes.get(result["id"]))
    counts = Counter(result["outcome"] for result in results)
    summary = {outcome: counts[outcome] for outcome in (*OUTCOMES, "invalid")}
    return json_answer({"summary": summary, "results": results})


def _read(given: object, schema: marshmallow.Schema, key: str, rows: dict[str, Any]) -> Any:
    if isinstance(given, Problem):
        raise given
    row = load(schema, given)
    check_price(row)
    if row[key] in rows:
        raise Invalid.field(f"/{key}", "named_twice", f"{row[key]!r} stands here twice.")
    return row
