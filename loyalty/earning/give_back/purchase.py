"""A purchase as its returns see it: what was bought, what it earned, what came back before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.earning.give_back.rules import Before, Bought, Earned, GivenBack, Line


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a purchase. `status`: accepted, awarded, parked, rejected or failed; the
    rest is of its award. `promotions` are (id, version) of each that gave something, `earned` what
    they gave; of points that no promotion gave, the id is None."""

    status: str
    account_id: int | None = None
    entries: range = range(0)
    awarded_at: datetime | None = None
    promotions: tuple[tuple[int | None, int | None], ...] = ()
    earned: tuple[Earned, ...] = ()
    explanation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """The returns of a purchase that were settled: their ids, and together what they gave back.

    `ended`: points of its lots that ended unspent and were counted as given back.
    """

    ids: tuple[UUID, ...]
    before: Before
    ended: int


_JUDGED = text(
    "SELECT CASE WHEN w.activity_id IS NOT NULL THEN 'awarded'"
    "            ELSE coalesce(s.status, 'accepted') END AS status,"
    " w.account_id, w.account_version, w.entries, w.points, w.awarded_at, w.explanation"
    " FROM activity a"
    " LEFT JOIN award w ON w.tenant_id = a.tenant_id AND w.activity_id = a.id"
    " LEFT JOIN setback s ON s.tenant_id = a.tenant_id AND s.activity_id = a.id"
    " WHERE a.tenant_id = :tenant AND a.id = :activity"
)
_HISTORY = text(
    "SELECT give_back_id, worth, whole, explanation FROM give_back_verdict"
    " WHERE tenant_id = :tenant AND activity_id = :activity AND status = 'settled'"
    " ORDER BY settled_at, give_back_id"
)


def bought(amount: Decimal | None, items: Iterable[Mapping[str, Any]] | None) -> Bought:
    """A stored purchase as the rules see it."""
    return Bought(
        amount or Decimal(0),
        tuple(
            Line(item["line_id"], Decimal(item["quantity"]), Decimal(item["amount"]))
            for item in items or ()
        ),
    )


def judged(session: Session, activity_id: UUID) -> Judged:
    """What became of a stored purchase."""
    row = session.execute(
        _JUDGED, {"tenant": session.info["tenant_id"], "activity": activity_id}
    ).one()
    if row.status != "awarded":
        return Judged(row.status)
    shares = [share for share in row.explanation["given"] if share["points"]]
    promotions = [(share["promotion"], share["version"]) for share in shares]
    earned = [Earned(share["points"], dict(share.get("lines") or ())) for share in shares]
    rest = row.points - sum(one.points for one in earned)
    if rest:  # a bonus: what the house gave, no promotion
        promotions.append((None, None))
        earned.append(Earned(rest))
    first = row.account_version + 1
    return Judged(
        row.status,
        row.account_id,
        range(first, first + row.entries),
        row.awarded_at,
        tuple(promotions),
        tuple(earned),
        row.explanation,
    )


def history(session: Session, activity_id: UUID) -> History:
    """What came back of a purchase, read under the lock of the account that earned."""
    rows = session.execute(
        _HISTORY, {"tenant": session.info["tenant_id"], "activity": activity_id}
    ).all()
    return History(
        tuple(row.give_back_id for row in rows),
        _before(rows),
        sum(row.explanation["from"].get("gone", 0) for row in rows),
    )


def _before(rows: Sequence[Row[Any]]) -> Before:
    before = Before()
    for row in rows:
        told = row.explanation
        lines = {line_id: Decimal(quantity) for line_id, quantity in told["lines"].items()}
        points = tuple(share["points"] for share in told["given_back"])
        before = before.with_(GivenBack(lines, row.worth, points, row.whole))
    return before
