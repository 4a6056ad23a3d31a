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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.conditions.form import read_object, read_text, refuse
from loyalty.errors import FieldError, Invalid
from loyalty.programs.merge_patch import merged
from loyalty.programs.queries import Program
from loyalty.programs.settings import settings_from_json, settings_to_json
from loyalty.promotions.desk import DeskVersion, Promotion, every_promotion, promotion_by_key
from loyalty.promotions.draft import add_draft, add_promotion, change_promotion
from loyalty.promotions.fixture import PURCHASE
from loyalty.promotions.open_program import amend_program
from loyalty.promotions.rules_form import FIELDS, read_rule
from loyalty.segments.queries import segments
from loyalty.segments.save import add_segment, change_segment

MOST = 1000  # segments, and promotions, in one document
_DOCUMENT = ("program", "earn_rate", "segments", "promotions")
_PROMOTION = ("name", "starts_at", "ends_at", "rule", "fixtures")
_RATE = ("points", "per", "step", "rounding", "currencies", "excludes")
_KEY = re.compile("[a-z0-9][a-z0-9-]{0,62}")
_FIXTURE = ("purchase", "member", "points", "because")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made: keys of segments, of promotions that have a draft now, and whether the
    earn rate differs."""

    segments: tuple[str, ...]
    drafts: tuple[str, ...]
    earn_rate: Mapping[str, Any] | None


def export_rules(
    session: Session, program: Program, at: datetime, *, drafts: bool = False
) -> Document:
    """The rules in force or to come; with `drafts` a promotion's draft instead, where it has one.

    Who is on an uploaded list is no rule, and stays at home.
    """
    saved = segments(session, program.id, before=None, limit=MOST)
    promotions = {
        promotion.key: _promotion(promotion.name, version)
        for promotion in every_promotion(session, program.id)
        if (version := _newest(promotion, at, drafts)) is not None
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


def _newest(promotion: Promotion, at: datetime, drafts: bool) -> DeskVersion | None:
    if promotion.standing:
        return None
    if drafts and promotion.draft is not None:
        return promotion.draft
    current = promotion.current(at)
    return current if current is not None and current.status(at) == "published" else None


def _promotion(name: str, version: DeskVersion) -> Document:
    told: Document = {"name": name}
    for bound in ("starts_at", "ends_at"):
        if (instant := getattr(version, bound)) is not None:
            told[bound] = instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
    told["rule"] = _ordered(version.rule, FIELDS)
    if version.fixtures:
        told["fixtures"] = [_fixture(one) for one in version.fixtures]
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
    read = _read(document)
    return {
        **_ordered(document, ("program",)),
        **({"earn_rate": document["earn_rate"]} if document.get("earn_rate") else {}),
        "segments": {key: _ordered(one, ("name", "condition")) for key, one in read[0].items()},
        "promotions": {key: _tidied(one) for key, one in read[1].items()},
    }


def _tidied(promotion: Mapping[str, Any]) -> Document:
    told = _ordered({name: one for name, one in promotion.items() if one}, _PROMOTION)
    told["rule"] = _ordered(promotion["rule"], FIELDS)
    if "fixtures" in told:
        told["fixtures"] = [_fixture(one) for one in told["fixtures"]]
    return told


def import_rules(
    session: Session, program: Program, document: Mapping[str, Any], by: By
) -> Imported:
    """Saves the segments, and makes drafts of the promotions that differ from what there is.

    What the document leaves out stays as it is. A start that has passed means "at once". Raises
    Invalid naming what is wrong in the document.
    """
    saved, wanted = _read(document)
    return Imported(
        tuple(_import_segments(session, program, saved, by)),
        tuple(_import_promotions(session, program, wanted, by)),
        _other_rate(program, document.get("earn_rate")),
    )


def _read(document: Mapping[str, Any]) -> tuple[dict[str, Document], dict[str, Document]]:
    read_object(dict(document), "", known=_DOCUMENT)
    saved = _named(document, "segments", ("name", "condition"), ("name",))
    return saved, _named(document, "promotions", _PROMOTION, ("name", "rule"))


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


def _import_segments(
    session: Session, program: Program, saved: Mapping[str, Document], by: By
) -> list[str]:
    there = {one.key: one for one in segments(session, program.id, before=None, limit=MOST)}
    done = []
    for key, one in saved.items():
        values = {"key": key, "name": one["name"], "condition": one.get("condition")}
        present = there.get(key)
        with _within(f"/segments/{key}"):
            if present is None:
                add_segment(session, program, values, by)
            elif (present.name, present.condition) != (values["name"], values["condition"]):
                patch = {name: values[name] for name in ("name", "condition") if values[name]}
                change_segment(session, program, present, patch, by)
            else:
                continue
        done.append(key)
    return done


def _import_promotions(
    session: Session, program: Program, wanted: Mapping[str, Document], by: By
) -> Iterator[str]:
    there = {own.key for own in every_promotion(session, program.id)}
    for key, one in wanted.items():
        with _within(f"/promotions/{key}"):
            if key not in there:
                _add(session, program, key, one, by)
                yield key
            elif _redraft(session, program, key, one, by):
                yield key


@contextmanager
def _within(place: str) -> Iterator[None]:
    """What is refused of a part is named by its place in the whole."""
    try:
        yield
    except Invalid as refused:
        errors = [
            FieldError(f"{place}{one.pointer}", one.code, one.detail) for one in refused.errors
        ]
        raise Invalid(refused.detail, errors=errors) from None


def _add(session: Session, program: Program, key: str, one: Document, by: By) -> None:
    values = _values(one)
    values["starts_at"] = _not_past(values["starts_at"], by.at)
    add_promotion(session, program, {"key": key, "name": one["name"], **values}, by)


def _values(one: Document) -> Document:
    return {
        "rule": one["rule"],
        "fixtures": one.get("fixtures") or [],
        "starts_at": _instant(one, "starts_at"),
        "ends_at": _instant(one, "ends_at"),
    }


def _redraft(session: Session, program: Program, key: str, one: Document, by: By) -> bool:
    """Whether the promotion has a draft of the document's making now."""
    values = _values(one)
    present = promotion_by_key(session, program.id, key, lock=True)
    newest = _newest(present, by.at, drafts=True)
    if newest is not None and _same(newest, values, by.at):
        if present.name != one["name"]:
            change_promotion(session, program, present, {"name": one["name"]}, by)
        return newest.draft
    values["starts_at"] = _not_past(values["starts_at"], by.at)
    if present.draft is None:
        present = add_draft(session, program, present, values, by)
        values = {}
    change_promotion(session, program, present, {"name": one["name"], **values}, by)
    return True


def _same(version: DeskVersion, values: Mapping[str, Any], at: datetime) -> bool:
    """Whether a version says what is wanted; a start that has passed is as good as another."""
    starts = [_not_past(one, at) for one in (version.starts_at, values["starts_at"])]
    return starts[0] == starts[1] and all(
        getattr(version, name) == values[name] for name in ("rule", "fixtures", "ends_at")
    )


def _not_past(instant: datetime | None, at: datetime) -> datetime | None:
    return None if instant is None or instant <= at else instant


def _instant(one: Document, name: str) -> datetime | None:
    told = one.get(name)
    if told is None:
        return None
    try:
        instant = datetime.fromisoformat(told if isinstance(told, str) else "")
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise refuse(f"/{name}", "not_an_instant", "A time with its offset is expected.")
    return instant


def _other_rate(program: Program, wanted: object) -> Mapping[str, Any] | None:
    if wanted is None:
        return None
    rate = _read_rate(program, wanted)
    present = settings_to_json(program.settings)
    changed = settings_to_json(settings_from_json(merged(present, {"earn_rate": rate})))
    return rate if changed["earn_rate"] != present["earn_rate"] else None


def _read_rate(program: Program, wanted: object) -> Mapping[str, Any]:
    """An earn rate is checked as the rule that it becomes."""
    given = read_object(wanted, "/earn_rate", known=_RATE)
    own = {name: one for name, one in given.items() if name in ("points", "per")}
    others = given.get("currencies") or {}
    if not isinstance(others, dict):
        raise refuse("/earn_rate/currencies", "not_an_object", "Rates by currency are expected.")
    rates = {program.currency: {"points": 1, "per": "1", **own}, **others}
    rest = {name: given[name] for name in ("step", "rounding", "excludes") if name in given}
    read_rule({"rates": rates, **rest}, "/earn_rate")
    return given


def put_earn_rate(session: Session, program: Program, rate: Mapping[str, Any], by: By) -> Program:
    """Another earn rate, in force for what occurs from now on; `program` was read with `lock`."""
    return amend_program(
        session,
        program,
        {"earn_rate": rate},
        actor=by.actor,
        request_id=by.request_id,
        at=by.at,
    )
