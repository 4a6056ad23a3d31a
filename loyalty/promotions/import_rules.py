"""A document of rules comes in: segments are saved, promotions that differ become drafts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.conditions.form import read_object, refuse
from loyalty.errors import FieldError, Invalid
from loyalty.programs.merge_patch import merged
from loyalty.programs.queries import Program
from loyalty.programs.settings import settings_from_json, settings_to_json
from loyalty.promotions.desk import DeskVersion, every_promotion, promotion_by_key
from loyalty.promotions.draft import add_draft, add_promotion, change_promotion
from loyalty.promotions.exchange import MOST, Document, coming, read_document
from loyalty.promotions.open_program import amend_program
from loyalty.promotions.rules_form import read_rule
from loyalty.segments.queries import segments
from loyalty.segments.save import add_segment, change_segment

_RATE = ("points", "per", "step", "rounding", "currencies", "excludes")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made: keys of segments, of promotions that have a draft now, and whether the
    earn rate differs."""

    segments: tuple[str, ...]
    drafts: tuple[str, ...]
    earn_rate: Mapping[str, Any] | None


def import_rules(
    session: Session, program: Program, document: Mapping[str, Any], by: By
) -> Imported:
    """Saves the segments, and makes drafts of the promotions that differ from what there is.

    What the document leaves out stays as it is. A start that has passed means "at once". Of a
    promotion's versions that differ the first becomes the draft: when it is published, import
    again for the next. Raises Invalid naming what is wrong in the document.
    """
    saved, wanted = read_document(document)
    return Imported(
        tuple(_import_segments(session, program, saved, by)),
        tuple(_import_promotions(session, program, wanted, by)),
        _other_rate(program, document.get("earn_rate")),
    )


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
    first, *_ = _wanted(one, by.at)
    add_promotion(session, program, {"key": key, "name": one["name"], **first}, by)


def _redraft(session: Session, program: Program, key: str, one: Document, by: By) -> bool:
    """Whether the promotion has a draft of the document's making now: its first version that
    differs from what is in force and to come."""
    present = promotion_by_key(session, program.id, key, lock=True)
    there = [_values_of(own.version, own.ends_at, by.at) for own in coming(present, by.at)]
    missing = [values for values in _wanted(one, by.at) if values not in there]
    draft = present.draft
    named = {"name": one["name"]} if one["name"] != present.name else {}
    if missing and (draft is None or _values_of(draft, draft.ends_at, by.at) != missing[0]):
        if draft is None:
            present = add_draft(session, program, present, missing[0], by)
            if named:
                change_promotion(session, program, present, named, by)
        else:
            change_promotion(session, program, present, {**named, **missing[0]}, by)
    elif named:
        change_promotion(session, program, present, named, by)
    return bool(missing)


def _wanted(one: Document, at: datetime) -> list[Document]:
    """The versions that a document asks for; a start that has passed means "at once"."""
    versions = []
    for index, version in enumerate((one, *(one.get("later") or ()))):
        with _within(f"/later/{index - 1}" if index else ""):
            versions.append(
                {
                    "rule": version["rule"],
                    "fixtures": version.get("fixtures") or [],
                    "starts_at": _not_past(_instant(version, "starts_at"), at),
                    "ends_at": _instant(version, "ends_at"),
                }
            )
    while len(versions) > 1 and versions[1]["starts_at"] is None:
        versions.pop(0)  # the next one has taken over since the document was written
    for version, following in pairwise(versions):
        if version["ends_at"] == following["starts_at"]:
            version["ends_at"] = None
    return versions


def _values_of(version: DeskVersion, ends_at: datetime | None, at: datetime) -> Document:
    return {
        "rule": version.rule,
        "fixtures": version.fixtures,
        "starts_at": _not_past(version.starts_at, at),
        "ends_at": ends_at,
    }


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
    return amend_program(session, program, {"earn_rate": rate}, by=by)
