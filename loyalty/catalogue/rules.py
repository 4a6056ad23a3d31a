"""The category tree: pure. A category is its path from the root, `food/bread/rye`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class Retailer:
    """Where something was bought; `time_zone` is an IANA name, None: the program's."""

    id: str
    name: str
    region: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What was bought. `categories`: its category and all above it, the nearest first."""

    sku: str
    name: str
    brand: str | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is known of the retailers (by id) and products (by SKU) that a batch names."""

    retailers: Mapping[str, Retailer] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A purchase names what the catalogue does not know, in a program that refuses it."""

    reason: str
    detail: str


def unknown(
    catalogue: Catalogue,
    retailer: str | None,
    skus: Iterable[str | None],
    *,
    reject_retailer: bool,
    reject_product: bool,
) -> Unknown | None:
    """Why the purchase is refused, if it is. What it does not name is not unknown."""
    if reject_retailer and retailer and retailer not in catalogue.retailers:
        return Unknown("unknown_retailer", f"The catalogue has no retailer {retailer!r}.")
    if reject_product:
        for sku in skus:
            if sku and sku not in catalogue.products:
                return Unknown("unknown_product", f"The catalogue has no product {sku!r}.")
    return None


def lineage(category: str | None) -> tuple[str, ...]:
    """A category and all above it, the nearest first: a/b/c, a/b, a."""
    if not category:
        return ()
    steps = category.split(SEPARATOR)
    return tuple(SEPARATOR.join(steps[:count]) for count in range(len(steps), 0, -1))
