"""Reads of tiers: a program's ladder, and what counted for its members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.members.standing import Standing, standings
from loyalty.programs.queries import Program
from loyalty.programs.settings import tier_policy
from loyalty.tiers.rules import (
    INSTANT,
    Amount,
    Held,
    Ladder,
    Progress,
    Tier,
    first_day,
    reviewed,
)

_LADDERS = text(
    "SELECT p.id, p.time_zone, p.currency, p.tier_epoch, p.settings->'tier_policy' AS policy,"
    " (SELECT json_agg(json_build_array(t.key, t.name, t.threshold) ORDER BY t.threshold)"
    "  FROM tier t WHERE t.tenant_id = p.tenant_id AND t.program_id = p.id) AS tiers"
    " FROM program p WHERE p.tenant_id = :tenant AND p.id = ANY(:ids)"
)
_DAYS = text(
    "SELECT account_id, day, points, spend FROM tier_progress"
    " WHERE tenant_id = :tenant AND account_id = ANY(:accounts) AND day >= :since"
)


def ladder_of(program: Program) -> Ladder:
    """The ladder of a program that was read."""
    return Ladder(
        tuple(Tier(tier.key, tier.name, tier.threshold) for tier in program.tiers),
        program.settings.tier_policy,
        ZoneInfo(program.time_zone),
        program.currency,
        program.tier_epoch,
    )


def ladders(session: Session, program_ids: Iterable[int]) -> dict[int, Ladder]:
    """The ladders of programs by their ids."""
    rows = session.execute(
        _LADDERS, {"tenant": session.info["tenant_id"], "ids": sorted(set(program_ids))}
    )
    return {
        row.id: ladder_from(row.tiers, row.policy, row.time_zone, row.currency, row.tier_epoch)
        for row in rows
    }


def ladder_from(
    tiers: Iterable[tuple[str, str, int]],
    policy: Mapping[str, Any] | None,
    time_zone: str,
    currency: str,
    epoch: int,
) -> Ladder:
    """A ladder as the columns of its program tell it; `tiers` are (key, name, threshold)."""
    ordered = sorted((Tier(*tier) for tier in tiers), key=lambda tier: tier.threshold)
    return Ladder(tuple(ordered), tier_policy(policy or {}), ZoneInfo(time_zone), currency, epoch)


def days_of(
    session: Session, accounts: Iterable[tuple[int, Ladder]], since: date
) -> dict[int, dict[date, Amount]]:
    """What counted on each day from `since`, by account: points or money, as its ladder asks."""
    asked = dict(accounts)
    days: dict[int, dict[date, Amount]] = {account_id: {} for account_id in asked}
    rows = session.execute(
        _DAYS,
        {"tenant": session.info["tenant_id"], "accounts": sorted(asked), "since": since},
    )
    for account_id, day, points, spend in rows:
        on_spend = asked[account_id].policy.on == "spend"
        days[account_id][day] = Decimal(spend) if on_spend else points
    return days


def needed_since(ladder: Ladder, at: datetime) -> date:
    """From which day on it must be known what counted, to judge by `at` or later."""
    return first_day(ladder, date.min, ladder.day(at))


def total(ladder: Ladder, tier_points: int, joined_at: datetime) -> Progress:
    """The progress where no days are needed: all in one, before any day."""
    return Progress({date.min: tier_points}, ladder.day(joined_at))


def held_by(member: Standing | Row[Any]) -> Held:
    """The tier that a membership, or a row that tells of one, is on."""
    return Held(
        member.tier_key,
        member.tier_since,
        member.tier_until,
        member.tier_protected_until,
        member.tier_review_at,
    )


def tier_at(
    session: Session, program_id: int, membership_id: int, tier_points: int, at: datetime
) -> str:
    """The key of the tier that a member stands on at `at`, also when its period is over by then
    and no review has come. `tier_points` are their account's."""
    member = standings(session, [membership_id])[membership_id]
    held = held_by(member)
    if held.until is None or held.until > at:
        return held.key
    ladder = ladders(session, [program_id])[program_id]
    progress = total(ladder, tier_points, member.joined_at)
    if ladder.policy.by_day:
        since = needed_since(ladder, held.until - INSTANT)
        days = days_of(session, [(member.account_id, ladder)], since)[member.account_id]
        progress = Progress(days, ladder.day(member.joined_at))
    return reviewed(ladder, held, progress, at).key
