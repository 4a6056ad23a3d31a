"""Reads of the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.catalogue.rules import Catalogue, Product, Retailer, lineage

NOTHING = Catalogue()

_FACTS = text(
    "SELECT true AS is_retailer, id, name, region AS one, time_zone AS other FROM retailer"
    " WHERE tenant_id = :tenant AND id = ANY(:retailers)"
    " UNION ALL SELECT false, sku, name, brand, category FROM product"
    " WHERE tenant_id = :tenant AND sku = ANY(:skus)"
)


def facts_of(
    session: Session, retailer_ids: Iterable[str | None], skus: Iterable[str | None]
) -> Catalogue:
    """What is known now of these retailers and products, in one statement for a whole batch.

    What the catalogue does not know is not in the answer. A catalogue changes: an award that is
    to be evaluated again keeps what it has used.
    """
    retailers = sorted({one for one in retailer_ids if one})
    products = sorted({one for one in skus if one})
    if not retailers and not products:
        return NOTHING
    rows = session.execute(
        _FACTS,
        {"tenant": session.info["tenant_id"], "retailers": retailers, "skus": products},
    ).all()
    return Catalogue(
        {row.id: Retailer(row.id, row.name, row.one, row.other) for row in rows if row.is_retailer},
        {
            row.id: Product(row.id, row.name, row.one, lineage(row.other))
            for row in rows
            if not row.is_retailer
        },
    )


_KNOWN = text("SELECT id FROM retailer WHERE tenant_id = :tenant AND id = ANY(:ids)")


def retailers_among(session: Session, tenant_id: int, ids: Collection[str]) -> frozenset[str]:
    """Which of `ids` are retailers of a tenant; the session may be of the system role."""
    if not ids:
        return frozenset()
    return frozenset(session.scalars(_KNOWN, {"tenant": tenant_id, "ids": sorted(ids)}))
