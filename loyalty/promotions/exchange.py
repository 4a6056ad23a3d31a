"""A program's whole rules as one document: earn rate, segments, promotions. Out, and in as drafts.

program: wine
earn_rate: {points: 1, per: '1', step: proportional, rounding: down, …}
segments:
  vip: {name: Friends of the house}            # an uploaded list
  rich: {name: Rich, condition: {points: {at_least: 1000}}}
promotions:
  summer:
    name: Summer of bread
    starts_at: '2026-06-01T00:00:00Z'          # absent: when it is published
    rule:
      when: {category: [food/bread]}
      multiplier: '2'
    fixtures:
    - purchase: {amount: '20', …}
      points: 40
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from sqlalchemy.orm import Session

from loyalty.conditions.form import read_list, read_object, read_text, refuse
from loyalty.programs.queries import Program
from loyalty.programs.settings import settings_to_json
from loyalty.promotions.desk import DeskVersion, Promotion, every_promotion
from loyalty.promotions.fixture import PURCHASE
from loyalty.promotions.rules_form import FIELDS
from loyalty.segments.queries import segments

MOST_LATER = 20  # versions of a promotion that are to come
MOST = 1000  # segments, and promotions, in one document
_DOCUMENT = ("program", "earn_rate", "segments", "promotions")
_VERSION = ("starts_at", "ends_at", "rule", "fixtures")
_PROMOTION = ("name", *_VERSION)
_KEY = re.compile("[a-z0-9][a-z0-9-]{0,62}")
_FIXTURE = ("purchase", "member", "points", "because")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Coming:
    """A version in force or to come; its end, unless that is where the next one takes over."""

    version: DeskVersion
    ends_at: datetime | None


def export_rules(
    session: Session, program: Program, at: datetime, *, drafts: bool = False
) -> Document:
    """The rules in force or to come; with `drafts` a promotion's draft instead, where it has one.

    Who is on an uploaded list is no rule, and stays at home.
    """
    saved = segments(session, program.id, before=None, limit=MOST)
    promotions = {
        promotion.key: _promotion(promotion.name, told)
        for promotion in every_promotion(session, program.id)
        if (told := _told(promotion, at, drafts=drafts))
    }
    return {
        "program": program.slug,
        "earn_rate": _earn_rate(program),
        "segments": {
            one.key: {"name": one.name} | ({"condition": one.condition} if one.condition else {})
            for one in sorted(saved, key=lambda one: one.id)
        },
        "promotions": promotions,
    }


def _told(promotion: Promotion, at: datetime, *, drafts: bool) -> list[Coming]:
    if promotion.standing:
        return []
    if drafts and (draft := promotion.draft) is not None:
        return [Coming(draft, draft.ends_at)]
    return coming(promotion, at)


def coming(promotion: Promotion, at: datetime) -> list[Coming]:
    """The published versions in force at `at` and later, in their order."""
    versions = [
        version
        for version, span in zip(promotion.published, promotion.spans, strict=True)
        if span.begins and version.status(at) == "published"
    ]
    versions.sort(key=lambda one: (one.starts_at is not None, one.starts_at))
    return [
        Coming(one, None if after and one.ends_at == after.starts_at else one.ends_at)
        for one, after in zip_longest(versions, versions[1:])
    ]


def _promotion(name: str, told: Sequence[Coming]) -> Document:
    first, *later = (_version(one) for one in told)
    return {"name": name, **first, **({"later": later} if later else {})}


def _version(one: Coming) -> Document:
    told: Document = {}
    for name, instant in (("starts_at", one.version.starts_at), ("ends_at", one.ends_at)):
        if instant is not None:
            told[name] = instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
    told["rule"] = _ordered(one.version.rule, FIELDS)
    if one.version.fixtures:
        told["fixtures"] = [_fixture(fixture) for fixture in one.version.fixtures]
    return told


def _fixture(fixture: Mapping[str, Any]) -> Document:
    told = _ordered(fixture, _FIXTURE)
    return {**told, "purchase": _ordered(told["purchase"], PURCHASE)}


def _ordered(value: Mapping[str, Any], names: Sequence[str]) -> Document:
    """jsonb forgets the order in which a thing was told."""
    return {name: value[name] for name in names if name in value}


def _earn_rate(program: Program) -> Document:
    rate: Document = settings_to_json(program.settings)["earn_rate"]
    return rate


def tidied(document: Mapping[str, Any]) -> Document:
    """A document in the order in which `export_rules` tells one. Raises Invalid."""
    read = read_document(document)
    return {
        **_ordered(document, ("program",)),
        **({"earn_rate": document["earn_rate"]} if document.get("earn_rate") else {}),
        "segments": {key: _ordered(one, ("name", "condition")) for key, one in read[0].items()},
        "promotions": {key: _tidied(one) for key, one in read[1].items()},
    }


def _tidied(promotion: Mapping[str, Any]) -> Document:
    told = _ordered({name: one for name, one in promotion.items() if one}, (*_PROMOTION, "later"))
    told["rule"] = _ordered(promotion["rule"], FIELDS)
    if "fixtures" in told:
        told["fixtures"] = [_fixture(one) for one in told["fixtures"]]
    if "later" in told:
        told["later"] = [_tidied(one) for one in told["later"]]
    return told


def read_document(document: Mapping[str, Any]) -> tuple[dict[str, Document], dict[str, Document]]:
    """Segments and promotions, by their keys. Raises Invalid naming what has not the form."""
    read_object(dict(document), "", known=_DOCUMENT)
    saved = _named(document, "segments", ("name", "condition"), ("name",))
    promotions = _named(document, "promotions", (*_PROMOTION, "later"), ("name", "rule"))
    for key, one in promotions.items():
        if one.get("later"):
            place = f"/promotions/{key}/later"
            for index, version in enumerate(read_list(one["later"], place, most=MOST_LATER)):
                required = ("starts_at", "rule")
                read_object(version, f"{place}/{index}", known=_VERSION, required=required)
    return saved, promotions


def _named(
    document: Mapping[str, Any], part: str, known: Sequence[str], required: Sequence[str]
) -> dict[str, Document]:
    found = document.get(part) or {}
    if not isinstance(found, dict) or len(found) > MOST:
        raise refuse(f"/{part}", "not_an_object", f"At most {MOST} {part} by their keys.")
    for key, one in found.items():
        place = f"/{part}/{key}"
        if not _KEY.fullmatch(key):
            raise refuse(place, "malformed", "1 to 63 of a-z 0-9 and - are expected.")
        read_object(one, place, known=known, required=required)
        read_text(one["name"], f"{place}/name")
    return found
