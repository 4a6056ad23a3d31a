"""Two members become one: in every program, and in what comes later for either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.care import rules
from loyalty.care.models import MergeRow
from loyalty.care.stand import Stand, stand
from loyalty.earning.parking import reopen_for
from loyalty.ids import uuid7
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.heirs import hand_over, inherit, pay_debt
from loyalty.ledger.post import lock_accounts
from loyalty.members.absorb import (
    Pair,
    absorb,
    end_membership,
    give_membership,
    lock_pair,
    refuse_merged,
    stand_as,
)
from loyalty.members.standing import Standing, standings
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import program_by_id
from loyalty.redemption.move_holds import lift_holds, set_down
from loyalty.segments.hand_over import hand_over as hand_over_lists
from loyalty.tiers.change import Change, change_tiers
from loyalty.tiers.count_again import count_again
from loyalty.tiers.queries import days_of, held_by, ladder_of, needed_since, total
from loyalty.tiers.rules import Held, Ladder, Progress, raised, settled


@dataclass(frozen=True, slots=True)
class Merge:
    """Who is absorbed into whom, by the names they have themselves."""

    absorbed: str
    survivor: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Both:
    """Two locked members, their locked accounts by id, and how each stands by program."""

    pair: Pair
    accounts: dict[int, Account]
    absorbed: dict[int, Standing]
    survivor: dict[int, Standing]

    def stand(self, session: Session) -> Stand:
        """Every row of the two that a merge changes."""
        return stand(session, self.pair.ids, self.accounts)


_MEMBERSHIPS = text(
    "SELECT id, member_id, account_id FROM membership"
    " WHERE tenant_id = :tenant AND member_id = ANY(:members)"
)


def lock_both(session: Session, pair: Pair) -> Both:
    """Locks the accounts of a locked pair, in the order of their ids.

    Nobody else gives either a membership, or another account, while the pair is locked.
    """
    rows = session.execute(
        _MEMBERSHIPS, {"tenant": session.info["tenant_id"], "members": pair.ids}
    ).all()
    accounts = lock_accounts(session, [row.account_id for row in rows])
    whose = {row.id: row.member_id for row in rows}
    sides: dict[int, dict[int, Standing]] = {pair.absorbed.id: {}, pair.survivor.id: {}}
    for one in standings(session, whose).values():
        sides[whose[one.membership_id]][one.program_id] = one
    return Both(pair, accounts, sides[pair.absorbed.id], sides[pair.survivor.id])


def merge(session: Session, order: Merge, *, by: By) -> UUID:
    """The survivor takes over identifiers, attributes, memberships, points with their lots, holds,
    debts, tier, limits and progress; returns the merge's id. History stays where it was written.

    Once, also when it is asked for twice at once or in both directions. Raises NotFound, Invalid
    for one and the same, AlreadyMerged, TooManyIdentifiers, AccountFull.
    """
    pair = lock_pair(session, order.absorbed, order.survivor)
    refuse_merged(pair)
    both = lock_both(session, pair)
    settle_due(session, both.accounts.values(), by.at)
    before = both.stand(session)
    merge_id = uuid7()
    absorb(session, pair)
    for program_id, theirs in sorted(both.absorbed.items()):
        own = both.survivor.get(program_id)
        if own is None:
            give_membership(session, theirs.membership_id, pair.survivor.id)
        else:
            _join(session, both, own, theirs, merge_id, by.at)
    session.execute(
        insert(MergeRow).values(
            tenant_id=session.info["tenant_id"],
            id=merge_id,
            from_member=pair.absorbed.id,
            into_member=pair.survivor.id,
            reason=order.reason,
            actor=by.actor,
            request_id=by.request_id,
            merged_at=by.at,
            before=before,
            after=both.stand(session),
        )
    )
    for program_id in sorted(both.absorbed.keys() | both.survivor.keys()):
        reopen_for(session, program_id, order.survivor, by.at)
    tell_merge(session, "merge", order, merge_id, order.reason, by)
    return merge_id


def _join(
    session: Session, both: Both, own: Standing, theirs: Standing, merge_id: UUID, at: datetime
) -> None:
    heir, absorbed = both.accounts[own.account_id], both.accounts[theirs.account_id]
    moving = lift_holds(session, absorbed, cause_id=merge_id, at=at)
    went = hand_over(session, absorbed, heir, cause_id=merge_id, at=at)
    set_down(session, heir, moving, went, cause_id=merge_id, at=at)
    pay_debt(session, heir, cause_id=merge_id, at=at)
    ladder = ladder_of(program_by_id(session, own.program_id))
    stands = rules.merged(
        _as_rules(own, heir, ladder),
        _as_rules(theirs, absorbed, ladder),
    )
    heir.tier_points = stands.tier_points
    inherit(session, absorbed, heir, merge_id)
    session.execute(
        _COUNTED,
        {"tenant": session.info["tenant_id"], "absorbed": absorbed.id, "heir": heir.id},
    )
    hand_over_lists(session, theirs.membership_id, own.membership_id)
    end_membership(session, theirs.membership_id, at)
    if stands.status != "cancelled":
        stand_as(
            session,
            own.membership_id,
            status=stands.status,
            joined_at=stands.joined_at,
            left_at=None,
        )
        count_again(session, [absorbed.id, heir.id])
        _raise(session, ladder, own, stands, heir.tier_points, at)


_COUNTED = text("SELECT absorb_counted(:tenant, :absorbed, :heir)")


def _as_rules(one: Standing, account: Account, ladder: Ladder) -> rules.Standing:
    held = held_by(one)
    return rules.Standing(
        one.status, one.joined_at, held, ladder.threshold(held.key), account.tier_points
    )


def _raise(
    session: Session,
    ladder: Ladder,
    own: Standing,
    stands: rules.Standing,
    tier_points: int,
    at: datetime,
) -> None:
    """The tier of both, or the one that is reached by what both have together."""
    progress = total(ladder, tier_points, stands.joined_at)
    if ladder.policy.by_day:
        since = needed_since(ladder, at)
        days = days_of(session, [(own.account_id, ladder)], since)[own.account_id]
        progress = Progress(days, ladder.day(stands.joined_at))
    held: Held = settled(ladder, stands.held, at)
    after = raised(ladder, held, progress, at, at) or held
    change = Change(own.membership_id, own.program_id, ladder, held_by(own), after, "merged")
    change_tiers(session, [change], at)


def tell_merge(
    session: Session,
    act: str,
    order: Merge,
    merge_id: UUID,
    reason: str | None,
    by: By,
) -> None:
    """Writes down who did it, and tells those who listen."""
    told: Mapping[str, str] = {
        "merge": str(merge_id),
        "from": order.absorbed,
        "into": order.survivor,
    }
    record(
        session,
        by,
        act=f"member.{act}",
        subject=f"member {order.survivor}",
        after=told,
        reason=reason,
    )
    name = "member.merged" if act == "merge" else "member.merge_undone"
    emit(session, [Event(name, f"member {order.survivor}", told)], by.at)
