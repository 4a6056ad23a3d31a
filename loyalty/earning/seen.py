"""What the rules saw, in and out of JSON: an award keeps the facts that its rules asked for.

The purchase's own values are read again from its activity; what stands elsewhere and changes
(the catalogue, the member) is copied, and of lists only the values that a rule names. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase

_MOST_REMEMBERED = 10_000  # the same few rules ask for each purchase
_NUMBERS = {
    Fact.FIRST_PURCHASE: "first_purchase",
    Fact.INACTIVE: "inactive_days",
    Fact.BIRTHDAY: "days_from_birthday",
    Fact.JOINING_DAY: "days_from_joining",
}


@lru_cache(_MOST_REMEMBERED)
def _names(asks: frozenset[Ask], fact: Fact) -> frozenset[str]:
    return frozenset(name for asked, name in asks if asked is fact)


def member_to_json(member: MemberFacts, asks: frozenset[Ask]) -> dict[str, Any]:
    """What of the member was used."""
    told: dict[str, Any] = {
        "joined_at": member.joined_at,
        "tier": member.tier,
        "tier_points": member.tier_points,
    }
    if not asks:
        return told
    for fact, name in _NUMBERS.items():
        value = getattr(member, name)
        if value is not None and (fact, "") in asks:
            told[name] = value
    segments = member.segments & _names(asks, Fact.SEGMENT)
    if segments:
        told["segments"] = sorted(segments)
    boosts = member.boosts & _names(asks, Fact.BOOST)
    if boosts:
        told["boosts"] = sorted(boosts)
    named = _names(asks, Fact.ATTRIBUTE) & member.attributes.keys()
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
    if (Fact.REGION, "") in asks and purchase.region is not None:
        told["region"] = purchase.region
    if (Fact.TIME_ZONE, "") in asks:
        told["time_zone"] = str(purchase.time_zone)
    brands, categories = _names(asks, Fact.BRAND), _names(asks, Fact.CATEGORY)
    lines = {}
    for line in purchase.lines if brands or categories else ():
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
