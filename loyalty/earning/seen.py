"""What the rules saw, in and out of JSON: an award keeps the facts that its rules asked for.

The purchase's own values are read again from its activity; what stands elsewhere and changes
(the catalogue, the member) is copied, and of lists only the values that a rule names. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase

_MOST_REMEMBERED = 1_000  # the same few rules ask for each purchase
_NUMBERS = {
    Fact.FIRST_PURCHASE: "first_purchase",
    Fact.INACTIVE: "inactive_days",
    Fact.BIRTHDAY: "days_from_birthday",
    Fact.JOINING_DAY: "days_from_joining",
}


class _Asked(NamedTuple):
    """What a set of asks comes to: which plain facts of the member, and which of each list."""

    numbers: tuple[str, ...]
    segments: frozenset[str]
    boosts: frozenset[str]
    attributes: frozenset[str]
    region: bool
    time_zone: bool
    brands: frozenset[str]
    categories: frozenset[str]


@lru_cache(_MOST_REMEMBERED)
def _asked(asks: frozenset[Ask]) -> _Asked:
    def named(fact: Fact) -> frozenset[str]:
        return frozenset([name for asked, name in asks if asked is fact])

    return _Asked(
        tuple([name for fact, name in _NUMBERS.items() if (fact, "") in asks]),
        named(Fact.SEGMENT),
        named(Fact.BOOST),
        named(Fact.ATTRIBUTE),
        (Fact.REGION, "") in asks,
        (Fact.TIME_ZONE, "") in asks,
        named(Fact.BRAND),
        named(Fact.CATEGORY),
    )


def member_to_json(member: MemberFacts, asks: frozenset[Ask]) -> dict[str, Any]:
    """What of the member was used."""
    told: dict[str, Any] = {
        "joined_at": member.joined_at,
        "tier": member.tier,
        "tier_points": member.tier_points,
    }
    if not asks:
        return told
    asked = _asked(asks)
    for name in asked.numbers:
        value = getattr(member, name)
        if value is not None:
            told[name] = value
    segments = member.segments & asked.segments
    if segments:
        told["segments"] = sorted(segments)
    boosts = member.boosts & asked.boosts
    if boosts:
        told["boosts"] = sorted(boosts)
    named = asked.attributes & member.attributes.keys() if asked.attributes else ()
    if named:
        told["attributes"] = {name: member.attributes[name] for name in sorted(named)}
    return told


def member_from_json(told: Mapping[str, Any]) -> MemberFacts:
    """The member as the rules saw it."""
    return MemberFacts(
        joined_at=datetime.fromisoformat(told["joined_at"]),
        tier=told["tier"],
        tier_points=told["tier_points"],
        attributes=told.get("attributes") or {},
        segments=frozenset(told.get("segments") or ()),
        boosts=frozenset(told.get("boosts") or ()),
        **{name: told.get(name) for name in _NUMBERS.values()},
    )


def place_to_json(purchase: Purchase, asks: frozenset[Ask]) -> dict[str, Any]:
    """What of the catalogue was used: region, time zone, brands and categories of lines."""
    told: dict[str, Any] = {}
    asked = _asked(asks)
    if asked.region and purchase.region is not None:
        told["region"] = purchase.region
    if asked.time_zone:
        told["time_zone"] = str(purchase.time_zone)
    brands, categories = asked.brands, asked.categories
    if not purchase.lines or not (brands or categories):
        return told
    lines = {}
    for line in purchase.lines:
        own: dict[str, Any] = {}
        if line.brand in brands:
            own["brand"] = line.brand
        if named := line.categories & categories:
            own["categories"] = sorted(named)
        if own:
            lines[line.line_id] = own
    return {**told, "lines": lines} if lines else told


def place_from_json(purchase: Purchase, told: Mapping[str, Any]) -> Purchase:
    """The purchase, which is as the till told it, with what the rules saw of the catalogue."""
    lines = told.get("lines") or {}
    return purchase._replace(
        region=told.get("region"),
        time_zone=ZoneInfo(told["time_zone"]) if "time_zone" in told else purchase.time_zone,
        lines=tuple(_line(line, lines.get(line.line_id) or {}) for line in purchase.lines),
    )


def _line(line: Line, told: Mapping[str, Any]) -> Line:
    categories = line.categories | set(told.get("categories") or ())
    return line._replace(brand=line.brand or told.get("brand"), categories=categories)
