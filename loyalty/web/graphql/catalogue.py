"""Retailers and products: read one by one, by pages, and as what purchases name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from loyalty.catalogue import find
from loyalty.catalogue.models import ProductRow, RetailerRow
from loyalty.web.catalogue_schema import ProductListArgs, RetailerListArgs
from loyalty.web.fields import Code
from loyalty.web.graphql.asking import Asking, Info, formed
from loyalty.web.graphql.form import operation, told
from loyalty.web.graphql.pages import DEFAULT_FIRST, arguments, rows_of

_RETAILERS, _PRODUCTS = RetailerListArgs(exclude=["limit"]), ProductListArgs(exclude=["limit"])


@told
class Retailer:
    """Where members buy. Its time zone is that of hours and days; null: the program's."""

    id: str
    name: str
    region: str | None
    time_zone: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: RetailerRow) -> Retailer:
        """The retailer as it is told."""
        return cls(
            id=row.id,
            name=row.name,
            region=row.region,
            time_zone=row.time_zone,
            created_at=row.created_at,
        )


@told
class Product:
    """What members buy. `category` is its path from the root: `food/bread/rye`."""

    sku: str
    name: str
    category: str | None
    brand: str | None
    price: Decimal | None
    currency: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: ProductRow) -> Product:
        """The product as it is told."""
        return cls(
            sku=row.sku,
            name=row.name,
            category=row.category,
            brand=row.brand,
            price=row.price,
            currency=row.currency,
            created_at=row.created_at,
        )


@told
class RetailerPage:
    """Retailers, newest first; `next` is `after` of the next page."""

    nodes: list[Retailer]
    next: str | None


@told
class ProductPage:
    """Products, newest first; `next` is `after` of the next page."""

    nodes: list[Product]
    next: str | None


def read_retailers(asking: Asking, ids: Collection[str]) -> Mapping[str, Retailer]:
    """The retailers of these ids that there are, in one statement."""
    rows = find.items(asking.session, RetailerRow, ids)
    return {row.id: Retailer.of(row) for row in rows}


def read_products(asking: Asking, skus: Collection[str]) -> Mapping[str, Product]:
    """The products of these SKUs that there are, in one statement."""
    rows = find.items(asking.session, ProductRow, skus)
    return {row.sku: Product.of(row) for row in rows}


@told
class CatalogueQueries:
    """What is sold, and where."""

    @operation("retailers.read")
    def retailer(self, info: Info, id: str) -> Retailer | None:
        """A retailer."""
        return Retailer.of(find.item(info.context.session, RetailerRow, formed(Code.form, id)))

    @operation("retailers.read")
    def retailers(
        self,
        info: Info,
        region: str | None = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> RetailerPage:
        """The retailers, newest first."""
        asked = arguments(_RETAILERS, region=region, after=after)
        before = asked.pop("after")
        rows, following = rows_of(
            info.context,
            first,
            lambda most: find.retailers(info.context.session, **asked, before=before, limit=most),
            lambda row: row.number,
        )
        return RetailerPage(nodes=[Retailer.of(row) for row in rows], next=following)

    @operation("products.read")
    def product(self, info: Info, sku: str) -> Product | None:
        """A product."""
        return Product.of(find.item(info.context.session, ProductRow, formed(Code.form, sku)))

    @operation("products.read")
    def products(
        self,
        info: Info,
        category: str | None = None,
        brand: str | None = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> ProductPage:
        """The products, newest first: those of a category, and of all below it."""
        asked = arguments(_PRODUCTS, category=category, brand=brand, after=after)
        before = asked.pop("after")
        rows, following = rows_of(
            info.context,
            first,
            lambda most: find.products(info.context.session, **asked, before=before, limit=most),
            lambda row: row.number,
        )
        return ProductPage(nodes=[Product.of(row) for row in rows], next=following)
