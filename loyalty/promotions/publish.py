"""A draft is published: from its start on it judges what occurs, and it never changes again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Invalid
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program
from loyalty.promotions.desk import DeskVersion, Promotion
from loyalty.promotions.draft import NoDraft, by_hand
from loyalty.promotions.queries import published_versions
from loyalty.promotions.revise import revise
from loyalty.promotions.rule import Version
from loyalty.promotions.rules_form import read_rule
from loyalty.promotions.takeover import take_over

_PUBLISH = text(
    "UPDATE promotion_version SET status = 'published', starts_at = :start,"
    " ends_at = coalesce(CAST(:end AS timestamptz), 'infinity'), published_at = :at"
    " WHERE tenant_id = :tenant AND promotion_id = :promotion AND version = :version"
)
_END = text(
    "UPDATE promotion_version v SET ends_at = r.ends_at, status = 'ended'"
    " FROM json_to_recordset(CAST(:ended AS json)) AS r(version integer, ends_at timestamptz)"
    " WHERE v.tenant_id = :tenant AND v.promotion_id = :promotion AND v.version = r.version"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing a draft would do: when it is in force, and which versions end then."""

    draft: DeskVersion
    starts_at: datetime
    ends_at: datetime | None
    ended: Mapping[int, datetime]


#: Raises a Problem when the program's rules, with the plan in force, are not what they should be.
Check = Callable[[Plan], None]


def plan(promotion: Promotion, at: datetime) -> Plan:
    """What publishing its draft at `at` would do. Raises NoDraft, NotByHand, Invalid."""
    by_hand(promotion)
    draft = promotion.draft
    if draft is None:
        raise NoDraft(f"No version of {promotion.key!r} is a draft.")
    if draft.starts_at is not None and draft.starts_at < at:
        raise Invalid.field(
            "/starts_at", "in_the_past", "What has occurred was judged: start now or later."
        )
    start = draft.starts_at or at
    if draft.ends_at is not None and draft.ends_at <= start:
        raise Invalid.field("/ends_at", "before_its_start", "It would end before it starts.")
    end, ended = take_over(start, draft.ends_at, promotion.spans)
    return Plan(draft, start, end, ended)


def publish(
    session: Session, program: Program, promotion: Promotion, check: Check, by: By
) -> Promotion:
    """Publishes the draft of a promotion that was read with `lock`.

    It takes over at its start from the version that is in force then. Raises what `plan` and
    `check` raise.
    """
    planned = plan(promotion, by.at)
    check(planned)
    end_versions(session, promotion, planned.ended)
    session.execute(
        _PUBLISH,
        {
            "start": planned.starts_at,
            "end": planned.ends_at,
            "at": by.at,
            "tenant": session.info["tenant_id"],
            "promotion": promotion.id,
            "version": planned.draft.number,
        },
    )
    emit(session, [_published(program, promotion, planned)], by.at)
    return revise(session, program, promotion, "promotion.publish", by)


def _published(program: Program, promotion: Promotion, planned: Plan) -> Event:
    data = {
        "version": planned.draft.number,
        "starts_at": planned.starts_at,
        "ends_at": planned.ends_at,
    }
    subject = f"promotion {program.slug}/{promotion.key}"
    return Event("promotion.published", subject, data, program.id)


def end_versions(session: Session, promotion: Promotion, ended: Mapping[int, datetime]) -> None:
    """Ends published versions, by their number."""
    if not ended:
        return
    rows = [{"version": number, "ends_at": end} for number, end in sorted(ended.items())]
    session.execute(
        _END,
        {
            "tenant": session.info["tenant_id"],
            "promotion": promotion.id,
            "ended": orjson.dumps(rows).decode(),
        },
    )


def versions_with(session: Session, promotion: Promotion, planned: Plan) -> list[Version]:
    """The program's versions as they would stand with the plan carried out."""
    others = published_versions(session, [promotion.program_id]).get(promotion.program_id, [])
    draft = planned.draft
    return [
        *(
            replace(one, ends_at=planned.ended.get(one.number, one.ends_at))
            if one.promotion_id == promotion.id
            else one
            for one in others
        ),
        Version(
            promotion_id=promotion.id,
            number=draft.number,
            rule=read_rule(draft.rule),
            starts_at=planned.starts_at,
            ends_at=planned.ends_at,
        ),
    ]
