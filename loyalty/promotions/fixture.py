"""Fixtures: "this purchase gives 37 points, because …". They stand with a version, and run when it
is published.

    {
      "purchase": {"amount": "20", "items": [{"sku": "W-1", "amount": "20"}], "retailer": "r-1"},
      "member": {"tier": "gold"},
      "points": 40,
      "because": {"standing": 20, "summer": 20}
    }

A purchase is told as a till tells it; without `occurred_at` it occurs when the version starts,
without `currency` it is in the program's, without `amount` it is its items. A member of whom
nothing is told joined a year before, stands on the first tier, and buys often. Nothing of any
limit is used. `because` may name the points of some promotions, by their keys. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from loyalty.conditions.form import (
    is_currency,
    read_choice,
    read_date,
    read_decimal,
    read_integer,
    read_list,
    read_object,
    read_text,
    read_texts,
    refuse,
)

MOST_FIXTURES = 100
_MOST_ITEMS = 100
_MOST_PAYMENTS = 20
_MOST_BECAUSE = 100
_MOST_DAYS = 36_500
_KINDS = ("purchase", "visit", "event")
_PAYMENTS = ("card", "cash", "points", "voucher")
_LEAST_LINE = Decimal(-(10**12))
PURCHASE = (
    "kind",
    "amount",
    "currency",
    "occurred_at",
    "retailer",
    "store",
    "channel",
    "tax",
    "shipping",
    "payments",
    "items",
    "attributes",
)
_MEMBER = (
    "tier",
    "tier_points",
    "joined_at",
    "birthday",
    "attributes",
    "segments",
    "first_purchase",
    "inactive_days",
)

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Bought:
    """The purchase of a fixture, in the form of a stored activity; None is what a default fills."""

    kind: str
    amount: Decimal
    currency: str | None
    occurred_at: datetime | None
    retailer: str | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Buyer:
    """The member of a fixture; None is what a default fills."""

    tier: str | None = None
    tier_points: int = 0
    joined_at: datetime | None = None
    birthday: date | None = None
    attributes: Mapping[str, object] | None = None
    segments: frozenset[str] = frozenset()
    first_purchase: bool = False
    inactive_days: int = 0


@dataclass(frozen=True, slots=True)
class Fixture:
    """What a purchase of a member must give: in all, and by some promotions (their keys)."""

    bought: Bought
    buyer: Buyer
    points: int
    because: Mapping[str, int]


def read_fixtures(value: object, place: str = "/fixtures") -> tuple[Fixture, ...]:
    """The fixtures of a JSON list; `place` is its pointer. Raises Invalid, naming what is wrong."""
    if value == []:
        return ()
    given = read_list(value, place, most=MOST_FIXTURES)
    return tuple(_fixture(one, f"{place}/{index}") for index, one in enumerate(given))


def _fixture(value: object, place: str) -> Fixture:
    given = read_object(
        value,
        place,
        known=("purchase", "member", "points", "because"),
        required=("purchase", "points"),
    )
    because = given.get("because") or {}
    if not isinstance(because, dict) or len(because) > _MOST_BECAUSE:
        raise refuse(f"{place}/because", "not_an_object", "Points by promotion are expected.")
    return Fixture(
        _bought(given["purchase"], f"{place}/purchase"),
        _buyer(given.get("member") or {}, f"{place}/member"),
        read_integer(given["points"], f"{place}/points"),
        {key: read_integer(one, f"{place}/because/{key}") for key, one in because.items()},
    )


def _bought(value: object, place: str) -> Bought:
    given = read_object(value, place, known=PURCHASE)
    money = {
        name: read_decimal(given[name], f"{place}/{name}")
        for name in ("amount", "tax", "shipping")
        if given.get(name) is not None
    }
    items = _rows(given, "items", place, _MOST_ITEMS, _item)
    body: dict[str, Any] = {
        name: read_text(given[name], f"{place}/{name}")
        for name in ("store", "channel")
        if given.get(name) is not None
    }
    body |= {name: one for name, one in money.items() if name != "amount"}
    body |= {"items": items} if items else {}
    body |= {"payments": _rows(given, "payments", place, _MOST_PAYMENTS, _payment)}
    body |= {"attributes": _attributes(given, place)}
    currency = given.get("currency")
    if currency is not None and not is_currency(currency):
        raise refuse(f"{place}/currency", "not_a_currency", "A code like USD is expected.")
    return Bought(
        read_choice(given.get("kind") or "purchase", f"{place}/kind", _KINDS),
        _total(money, items, place),
        currency if isinstance(currency, str) else None,
        _instant(given, "occurred_at", place),
        None
        if given.get("retailer") is None
        else read_text(given["retailer"], f"{place}/retailer"),
        body,
    )


def _total(money: Mapping[str, Decimal], items: list[dict[str, Any]], place: str) -> Decimal:
    besides = money.get("tax", Decimal(0)) + money.get("shipping", Decimal(0))
    total = sum((item["amount"] for item in items), besides)
    if "amount" not in money:
        return total
    if items and money["amount"] != total:
        raise refuse(f"{place}/amount", "does_not_add_up", f"Items, tax, shipping: {total:f}.")
    return money["amount"]


def _rows(given: Json, name: str, place: str, most: int, read: Any) -> list[dict[str, Any]]:
    if not given.get(name):
        return []
    rows = enumerate(read_list(given[name], f"{place}/{name}", most=most))
    return [read(row, f"{place}/{name}/{index}", index) for index, row in rows]


def _item(value: object, place: str, index: int) -> dict[str, Any]:
    names = ("sku", "category", "brand")
    given = read_object(
        value, place, known=("line_id", *names, "quantity", "amount"), required=("amount",)
    )
    return {
        "line_id": read_text(given.get("line_id") or str(index + 1), f"{place}/line_id"),
        "amount": read_decimal(given["amount"], f"{place}/amount", least=_LEAST_LINE),
        "quantity": read_decimal(given.get("quantity", 1), f"{place}/quantity"),
        **{
            name: read_text(given[name], f"{place}/{name}")
            for name in names
            if given.get(name) is not None
        },
    }


def _payment(value: object, place: str, _: int) -> dict[str, Any]:
    names = ("kind", "amount")
    given = read_object(value, place, known=names, required=names)
    return {
        "kind": read_choice(given["kind"], f"{place}/kind", _PAYMENTS),
        "amount": read_decimal(given["amount"], f"{place}/amount"),
    }


def _buyer(value: object, place: str) -> Buyer:
    given = read_object(value, place, known=_MEMBER)
    first = given.get("first_purchase", False)
    if not isinstance(first, bool):
        raise refuse(f"{place}/first_purchase", "not_a_boolean", "true or false is expected.")
    return Buyer(
        None if given.get("tier") is None else read_text(given["tier"], f"{place}/tier"),
        read_integer(given.get("tier_points", 0), f"{place}/tier_points"),
        _instant(given, "joined_at", place),
        None
        if given.get("birthday") is None
        else read_date(given["birthday"], f"{place}/birthday"),
        _attributes(given, place),
        read_texts(given["segments"], f"{place}/segments")
        if given.get("segments")
        else frozenset(),
        first,
        read_integer(given.get("inactive_days", 0), f"{place}/inactive_days", most=_MOST_DAYS),
    )


def _attributes(given: Json, place: str) -> dict[str, object]:
    value = given.get("attributes") or {}
    if not isinstance(value, dict):
        raise refuse(f"{place}/attributes", "not_an_object", "An object is expected.")
    return value


def _instant(given: Json, name: str, place: str) -> datetime | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise refuse(
            f"{place}/{name}", "not_an_instant", "A time with its offset is expected: …T12:00:00Z."
        )
    return instant
