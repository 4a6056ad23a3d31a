"""Memberships are put on a tier, and those who listen are told. Their accounts are locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.outbox.emit import Event, emit
from loyalty.tiers.rules import Amount, Held, Ladder

Why = Literal["earned", "brought", "assigned", "period_ended", "merged"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a membership held and holds now, and why.

    `missing` is of one that holds it still and will fall: what would keep it.
    """

    membership_id: int
    program_id: int
    ladder: Ladder
    before: Held
    after: Held
    why: Why
    missing: Amount | None = None


_CHANGE = text("SELECT * FROM change_tiers(:tenant, CAST(:changes AS json))")


def change_tiers(session: Session, changes: Sequence[Change], at: datetime) -> None:
    """Writes the tiers and emits tier.raised, tier.lowered and tier.will_fall; none costs nothing.

    An event tells `{member_id, from, to, until, why}`; one that warns `{member_id, tier, until,
    missing: {points or amount}}`.
    """
    if not changes:
        return
    rows = [
        {
            "membership_id": one.membership_id,
            "key": one.after.key,
            "since": one.after.since,
            "until": one.after.until,
            "protected_until": one.after.protected_until,
            "review_at": one.after.review_at,
        }
        for one in changes
    ]
    found = session.execute(
        _CHANGE,
        {"tenant": session.info["tenant_id"], "changes": orjson.dumps(rows).decode()},
    )
    member_ids = {row.membership_id: row.member_id for row in found}
    told = [(one, _told(one)) for one in changes]
    emit(
        session,
        [
            Event(
                name,
                f"member {member_ids[one.membership_id]}",
                {"member_id": member_ids[one.membership_id], **data},
                one.program_id,
            )
            for one, (name, data) in told
            if name
        ],
        at,
    )


def _told(one: Change) -> tuple[str, dict[str, Any]]:
    if one.missing is not None:
        missing = missing_named(one.ladder, one.missing)
        return "tier.will_fall", {
            "tier": one.after.key,
            "until": one.after.until,
            "missing": missing,
        }
    before, after = one.ladder.threshold(one.before.key), one.ladder.threshold(one.after.key)
    if before == after:
        return "", {}
    return "tier.raised" if after > before else "tier.lowered", {
        "from": one.before.key,
        "to": one.after.key,
        "until": one.after.until,
        "why": one.why,
    }


def missing_named(ladder: Ladder, missing: Amount) -> dict[str, int | str]:
    """What is missing, by its name: points, or an amount of money as text."""
    if ladder.policy.on == "points":
        return {"points": int(missing)}
    return {"amount": f"{missing:.4f}".rstrip("0").rstrip(".") if missing else "0"}
