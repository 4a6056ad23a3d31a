"""Many retailers or products at once: what is new is added, what differs is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.catalogue.change import plain
from loyalty.catalogue.models import ProductRow, RetailerRow

_COLUMNS: Mapping[type[RetailerRow] | type[ProductRow], str] = {
    RetailerRow: "id text, name text, region text, time_zone text",
    ProductRow: "sku text, name text, category text, brand text, price numeric, currency text",
}
OUTCOMES = ("created", "updated", "unchanged")


def upsert(
    session: Session,
    kind: type[RetailerRow] | type[ProductRow],
    rows: Sequence[Mapping[str, Any]],
    by: By,
) -> dict[str, str]:
    """What became of each id or SKU: created, updated or unchanged. Each stands once in `rows`.

    A row is the whole of what it names: what it leaves out is taken away. One statement, sorted,
    so that two of them cannot deadlock.
    """
    changed = {
        row.key: OUTCOMES[0] if row.created else OUTCOMES[1]
        for row in session.execute(
            _STATEMENTS[kind],
            {
                "tenant": session.info["tenant_id"],
                "rows": orjson.dumps(list(rows), default=plain).decode(),
                "at": by.at,
            },
        )
    }
    if changed:
        outcomes = list(changed.values())
        record(
            session,
            by,
            act=f"{kind.NOUN}.upsert",
            subject=f"{kind.NOUN}s",
            after={name: outcomes.count(name) for name in OUTCOMES[:2]},
        )
    return {row[kind.KEY]: changed.get(row[kind.KEY], OUTCOMES[2]) for row in rows}


def _statement(kind: type[RetailerRow] | type[ProductRow], columns: str) -> str:
    names = ", ".join((kind.KEY, *kind.VALUES))
    values = ", ".join(kind.VALUES)
    was = ", ".join(f"{kind.NOUN}.{name}" for name in kind.VALUES)
    wanted = ", ".join(f"excluded.{name}" for name in kind.VALUES)
    return (
        f"INSERT INTO {kind.NOUN} (tenant_id, {names}, created_at)"  # noqa: S608 - constants
        f" SELECT :tenant, {names}, :at FROM json_to_recordset(CAST(:rows AS json)) AS r({columns})"
        f" ORDER BY {kind.KEY}"
        f" ON CONFLICT (tenant_id, {kind.KEY}) DO UPDATE SET ({values}) = ({wanted}),"
        f" version = {kind.NOUN}.version + 1 WHERE ({was}) IS DISTINCT FROM ({wanted})"
        f" RETURNING {kind.KEY} AS key, xmax = 0 AS created"  # xmax: of who changed the row
    )


_STATEMENTS = {kind: text(_statement(kind, columns)) for kind, columns in _COLUMNS.items()}
