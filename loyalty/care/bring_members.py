"""Members are brought along from another system, with the tier that they had there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.earning.parking import reopen_for_all
from loyalty.errors import Invalid, Problem
from loyalty.members.bring_in import Incoming, Outcome, bring_in
from loyalty.members.enrol import NewMember
from loyalty.programs.queries import Program
from loyalty.tiers.queries import ladder_of
from loyalty.tiers.rules import Held, Ladder, settled


@dataclass(frozen=True, slots=True)
class Brought:
    """Who comes, since when they have been a member, and the tier that they stood on; `tier_until`
    promises it. None: joined now; the lowest tier; no promise."""

    who: NewMember
    joined_at: datetime | None = None
    tier: str | None = None
    tier_until: datetime | None = None


def bring_members(
    session: Session, program: Program, people: Sequence[Brought], at: datetime
) -> list[Outcome]:
    """What became of each, in their order; purchases that were parked for them go on.

    A repeat changes nothing. Raises Unavailable, when nothing was done.
    """
    ladder = ladder_of(program)
    outcomes: list[Outcome | None] = [_wrong(one, ladder, at) for one in people]
    coming = [(i, one) for i, one in enumerate(people) if outcomes[i] is None]
    told = bring_in(session, program, [_incoming(one, ladder, at) for _, one in coming], at)
    for (index, _), outcome in zip(coming, told, strict=True):
        outcomes[index] = outcome
    new = [
        one.who.member_id for (_, one), came in zip(coming, told, strict=True) if came == "added"
    ]
    if new:
        reopen_for_all(session, program.id, new, at)
    return [outcome for outcome in outcomes if outcome is not None]


def _wrong(one: Brought, ladder: Ladder, at: datetime) -> Problem | None:
    if one.joined_at is not None and one.joined_at > at:
        return Invalid.field("/joined_at", "in_the_future", "Nobody has joined in the future.")
    if one.tier is not None and ladder.tier(one.tier) is None:
        detail = f"The program has no tier {one.tier!r}."
        return Invalid.field("/tier", "unknown_tier", detail)
    if one.tier_until is not None and one.tier is None:
        return Invalid.field("/tier_until", "one_of_two", "Say which tier is promised.")
    if one.tier_until is not None and one.tier_until <= at:
        return Invalid.field("/tier_until", "in_the_past", "The promise has ended already.")
    return None


def _incoming(one: Brought, ladder: Ladder, at: datetime) -> Incoming:
    key = one.tier or ladder.first.key
    held = settled(ladder, Held(key, at, protected_until=one.tier_until), at)
    return Incoming(
        one.who,
        one.joined_at or at,
        held.key,
        held.since,
        held.until,
        held.protected_until,
        held.review_at,
    )
