"""Finding retailers and products: one by its key, or page by page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from loyalty.catalogue.models import ProductRow, RetailerRow
from loyalty.catalogue.rules import SEPARATOR
from loyalty.errors import NotFound

Item = TypeVar("Item", RetailerRow, ProductRow)


def item(session: Session, kind: type[Item], key: str, *, lock: bool = False) -> Item:
    """The retailer of an id, the product of a SKU; with `lock` nobody else changes it.

    Raises NotFound.
    """
    query = select(kind).where(
        kind.tenant_id == session.info["tenant_id"], getattr(kind, kind.KEY) == key
    )
    found: Item | None = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound(f"There is no {kind.NOUN} {key!r}.")
    return found


def items(session: Session, kind: type[Item], keys: Collection[str]) -> Sequence[Item]:
    """The retailers of these ids, the products of these SKUs; what there is not is left out."""
    where = [getattr(kind, kind.KEY).in_(sorted(keys))]
    query = select(kind).where(kind.tenant_id == session.info["tenant_id"], *where)
    return session.scalars(query).all()


def retailers(
    session: Session, *, region: str | None = None, before: int | None, limit: int
) -> Sequence[RetailerRow]:
    """The tenant's retailers, newest first, from before the number `before`."""
    where = [] if region is None else [RetailerRow.region == region]
    return _page(session, RetailerRow, where, before, limit)


def products(
    session: Session,
    *,
    category: str | None = None,
    brand: str | None = None,
    before: int | None,
    limit: int,
) -> Sequence[ProductRow]:
    """The tenant's products, newest first; of a category and of all below it."""
    where: list[ColumnElement[bool]] = []
    if category is not None:
        below = func.starts_with(ProductRow.category, category + SEPARATOR)
        where.append(or_(ProductRow.category == category, below))
    if brand is not None:
        where.append(ProductRow.brand == brand)
    return _page(session, ProductRow, where, before, limit)


def _page(
    session: Session,
    kind: type[Item],
    where: Sequence[ColumnElement[bool]],
    before: int | None,
    limit: int,
) -> Sequence[Item]:
    query = select(kind).where(kind.tenant_id == session.info["tenant_id"], *where)
    if before is not None:
        query = query.where(kind.number < before)
    return session.scalars(query.order_by(kind.number.desc()).limit(limit)).all()
