"""What a mail says, read at the moment in which it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.notifications.rules import Kind, day_ends, languages, last_day
from loyalty.notifications.words import Values
from loyalty.programs.queries import Program


class NotToTell(Exception):
    """There is nothing to tell any more; the argument says why, in a word."""


@dataclass(frozen=True, slots=True)
class About:
    """One notification: whose account, in which program, and what was noted when it was found."""

    account_id: int
    program: Program
    language: str
    data: Mapping[str, Any]


def contents(session: Session, kind: Kind, about: About) -> Values:
    """What the words of this kind may name. Raises NotToTell."""
    return _CONTENTS[kind](session, about)


def _tier_reached(session: Session, about: About) -> Values:
    key = about.data["tier"]
    names = {tier.key: tier.name for tier in about.program.tiers}
    until = about.data["until"]
    return {
        "tier": {"key": key, "name": names.get(key, key)},
        "until": until and last_day(datetime.fromisoformat(until), about.program.time_zone),
    }


def _milestone(session: Session, about: About) -> Values:
    return {"milestone": about.data["milestone"], "points": about.data["points"]}


_LEFT = text(
    "SELECT coalesce(sum(remaining), 0)::bigint FROM lot"
    " WHERE tenant_id = :tenant AND account_id = :account AND open AND active"
    "   AND expires_at > :begins AND expires_at <= :ends"
)


def _points_expiring(session: Session, about: About) -> Values:
    day = date.fromisoformat(about.data["last_day"])
    begins, ends = day_ends(day, about.program.time_zone)
    values = {"account": about.account_id, "begins": begins, "ends": ends}
    points = session.scalar(_LEFT, {"tenant": session.info["tenant_id"], **values})
    if not points:
        raise NotToTell("spent")
    return {"points": points, "last_day": day}


_REDEMPTION = text(
    "SELECT r.status, r.points, w.key, w.texts, v.code, v.expires_at FROM redemption r"
    " JOIN reward w ON w.tenant_id = r.tenant_id AND w.id = r.reward_id"
    " LEFT JOIN voucher v ON v.tenant_id = r.tenant_id AND v.redemption_id = r.id"
    "   AND v.status = 'given'"
    " WHERE r.tenant_id = :tenant AND r.id = :id"
)


def _reward_redeemed(session: Session, about: About) -> Values:
    values = {"tenant": session.info["tenant_id"], "id": about.data["redemption"]}
    row = session.execute(_REDEMPTION, values).one_or_none()
    if row is None or row.status not in ("redeemed", "captured"):
        raise NotToTell("cancelled")
    told = languages(about.language, about.program.settings.mail.language, "en")
    name = next((row.texts[one]["name"] for one in told if one in row.texts), None)
    return {
        "reward": {"key": row.key, "name": name or next(iter(row.texts.values()))["name"]},
        "points": row.points,
        "voucher": row.code,
        "voucher_until": row.expires_at and last_day(row.expires_at, about.program.time_zone),
    }


_CONTENTS: Mapping[Kind, Callable[[Session, About], Values]] = MappingProxyType(
    {
        Kind.TIER_REACHED: _tier_reached,
        Kind.MILESTONE: _milestone,
        Kind.POINTS_EXPIRING: _points_expiring,
        Kind.REWARD_REDEEMED: _reward_redeemed,
    }
)
