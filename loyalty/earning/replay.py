"""Replay: awards are evaluated again from what was stored, and must come out the same for ever.

The purchase is read again from its activity, the versions from their promotions; what the rules
saw of member and catalogue, and what the limits had left, stands in the award's explanation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.earning import bonus
from loyalty.earning.rules import purchase_of
from loyalty.earning.seen import member_from_json, place_from_json
from loyalty.promotions.allowance import Allowance
from loyalty.promotions.queries import versions_of
from loyalty.promotions.rule import Version
from loyalty.promotions.rules import Decision, Share, evaluate

PAGE = 2000
MOST_SAMPLED = 2000  # a tick, so that it stays short
_FIRST = UUID(int=0)

Used = Mapping[tuple[int, int], tuple[str, Version]]


@dataclass(frozen=True, slots=True)
class Miscount:
    """An award that does not come out again: what was stored, and what comes out now."""

    activity_id: UUID
    stored: int
    again: int
    detail: str


_AWARD = (
    "SELECT w.tenant_id, w.activity_id, w.points, w.explanation,"
    " a.kind, a.occurred_at, a.amount, a.currency, a.retailer, a.body"
    " FROM award w JOIN activity a ON a.tenant_id = w.tenant_id AND a.id = w.activity_id"
)
_PAGE = text(
    f"{_AWARD} WHERE w.tenant_id = :tenant AND w.program_id = :program AND w.activity_id > :after"
    " AND w.explanation->'erased' IS NULL"  # what its rules asked of the person is gone
    " ORDER BY w.activity_id LIMIT :limit"
)
# The ids' last bits are random: one award in a hundred, and always the same ones.
_SAMPLE = text(
    f"{_AWARD} WHERE w.awarded_at >= :since AND w.awarded_at < :until"
    " AND w.explanation->'erased' IS NULL"
    " AND (get_byte(uuid_send(w.activity_id), 14) * 256 + get_byte(uuid_send(w.activity_id), 15))"
    "     % 100 = 0"
    " ORDER BY w.awarded_at DESC LIMIT :limit"
)


def again(explanation: Mapping[str, Any], activity: Any, used: Used) -> Decision:
    """What the promotions named in an explanation give for the stored activity."""
    purchase = purchase_of(
        activity.kind,
        activity.occurred_at,
        activity.amount,
        activity.currency,
        activity.body,
        activity.retailer,
    )
    # Those were in force, whatever has been ended since.
    versions = [
        replace(used[one][1], starts_at=None, ends_at=None) for one in named_in(explanation)
    ]
    left = left_in(explanation, versions)
    purchase = place_from_json(purchase, explanation.get("place") or {})
    return evaluate(purchase, versions, member_from_json(explanation["member"]), left)


def named_in(explanation: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Promotion and version of all that were in force."""
    named = [(share["promotion"], share["version"]) for share in explanation["given"]]
    named += [(promotion, version) for promotion, version, *_ in explanation.get("not", ())]
    return named


def left_in(explanation: Mapping[str, Any], versions: Sequence[Version]) -> dict[int, Allowance]:
    """What the limits had left, by promotion."""
    left = {version.promotion_id: Allowance(None, None) for version in versions}
    left |= {
        share["promotion"]: Allowance(share["left"], share["limit"])
        for share in explanation["given"]
        if "left" in share
    }
    return left


def _difference(award: Row[Any], used: Used) -> Miscount | None:
    """How an award differs from what comes out again, if it does."""
    if award.kind == bonus.KIND:
        promised = award.body["points"]
        if promised == award.points:
            return None
        return Miscount(award.activity_id, award.points, promised, "a bonus of other points")
    decision = again(award.explanation, award, used)
    stored = {share["promotion"]: share for share in award.explanation["given"]}
    wrong = [share for share in decision.shares if not _same(share, stored.get(share.promotion_id))]
    if decision.points == award.points and not wrong:
        return None
    names = ", ".join(f"promotion {one.promotion_id} gives {one.points}" for one in wrong)
    return Miscount(award.activity_id, award.points, decision.points, names or "the sum")


def _same(share: Share, stored: Mapping[str, Any] | None) -> bool:
    if stored is None:
        return share.points == 0 and share.would_be is None
    lines = {line_id: points for line_id, points in share.lines if line_id}
    return (
        (share.points, share.would_be, share.why_not)
        == (stored["points"], stored.get("would_be"), stored.get("why_not"))
        and lines == stored.get("lines", lines)  # first awards stored none
    )


def _differences(session: Session, awards: Sequence[Row[Any]]) -> list[Miscount]:
    """Those of one tenant's awards that do not come out again."""
    if not awards:
        return []
    session.info["tenant_id"] = awards[0].tenant_id
    promotions = {one for award in awards for one, _ in named_in(award.explanation)}
    used = versions_of(session, promotions) if promotions else {}
    found = (_difference(award, used) for award in awards)
    return [one for one in found if one]


def awards_of(session: Session, tenant_id: int, program_id: int) -> int:
    """How many awards a program has."""
    count: int = session.execute(
        text("SELECT count(*) FROM award WHERE tenant_id = :tenant AND program_id = :program"),
        {"tenant": tenant_id, "program": program_id},
    ).scalar_one()
    return count


def replay(
    session: Session, tenant_id: int, program_id: int
) -> Iterator[tuple[int, list[Miscount]]]:
    """All awards of a program, page after page: how many, and which do not come out again."""
    after = _FIRST
    while True:
        page = session.execute(
            _PAGE, {"tenant": tenant_id, "program": program_id, "after": after, "limit": PAGE}
        ).all()
        if not page:
            return
        yield len(page), _differences(session, page)
        after = page[-1].activity_id


_SINCE = text("SELECT replayed_until FROM replay_check FOR UPDATE SKIP LOCKED")
_DONE = text(
    "UPDATE replay_check SET replayed_until = :until, replayed = replayed + :replayed,"
    " miscounted = miscounted + :miscounted"
)


def replay_lately(session: Session, until: datetime) -> list[Miscount] | None:
    """Replays one in a hundred of the awards made since the last time, of all tenants.

    At most 2000 of them, the newest; `loyalty replay` takes all. None when another is at work.
    """
    row = session.execute(_SINCE).one_or_none()
    if row is None:
        return None
    sampled = session.execute(
        _SAMPLE, {"since": row.replayed_until, "until": until, "limit": MOST_SAMPLED}
    ).all()
    found: list[Miscount] = []
    for tenant_id in sorted({award.tenant_id for award in sampled}):
        own = [award for award in sampled if award.tenant_id == tenant_id]
        found += _differences(session, own)
    session.execute(_DONE, {"until": until, "replayed": len(sampled), "miscounted": len(found)})
    return found
