"""Two members become one: the absorbed is from then on another name of the survivor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from loyalty.errors import Conflict, Invalid, NotFound
from loyalty.members.change_member import bounded
from loyalty.members.models import MemberRow, MembershipRow

MOST_IDENTIFIERS_OF_ONE = 200


class AlreadyMerged(Conflict):
    """409: one of the two was merged before."""

    code = "already_merged"
    title = "The member was merged already"
    cure = "Use the survivor, or undo the earlier merge."


class TooManyIdentifiers(Conflict):
    """409: the survivor would be known by too many."""

    code = "too_many_identifiers"
    title = "The survivor would have too many identifiers"
    cure = f"Take some away first; a member can have {MOST_IDENTIFIERS_OF_ONE} at most."


@dataclass(frozen=True, slots=True)
class Pair:
    """Who is absorbed into whom, both locked."""

    absorbed: MemberRow
    survivor: MemberRow

    @property
    def ids(self) -> list[int]:
        """Of both, the lower first."""
        return sorted((self.absorbed.id, self.survivor.id))


_NAMED = text(
    "SELECT id, member_id FROM member"
    " WHERE tenant_id = :tenant AND member_id = ANY(:names) ORDER BY id FOR UPDATE"
)


def lock_pair(session: Session, absorbed: str, survivor: str) -> Pair:
    """Locks both, in the order of their ids, by the names they have themselves.

    Raises NotFound, and Invalid when they are one.
    """
    names = [absorbed, survivor]
    if absorbed == survivor:
        raise Invalid.field("/into", "same_member", "A member is merged into another.")
    rows = session.execute(_NAMED, {"tenant": session.info["tenant_id"], "names": names})
    ids = {row.member_id: row.id for row in rows}
    if missing := next((name for name in names if name not in ids), None):
        raise NotFound(f"There is no member {missing}.")
    one, other = (
        session.get_one(MemberRow, (session.info["tenant_id"], ids[name]), populate_existing=True)
        for name in names
    )
    return Pair(one, other)


def refuse_merged(pair: Pair) -> None:
    """Raises AlreadyMerged unless both are still members of their own."""
    for one in (pair.absorbed, pair.survivor):
        if one.merged_into is not None:
            raise AlreadyMerged(f"{one.member_id} was merged into another member.")


_COUNT = text("SELECT count(*) FROM identifier WHERE tenant_id = :tenant AND member_id = ANY(:ids)")
_MOVE = text(
    "UPDATE identifier SET member_id = :survivor"
    " WHERE tenant_id = :tenant AND member_id = :absorbed"
)
# Who was merged into the absorbed before is now another name of the survivor too.
_NAMES = text(
    "UPDATE member SET merged_into = :survivor"
    " WHERE tenant_id = :tenant AND (id = :absorbed OR merged_into = :absorbed)"
)


def absorb(session: Session, pair: Pair) -> None:
    """The survivor takes over identifiers, and what is known of the absorbed alone: where both
    say something, the survivor's word stands. Raises TooManyIdentifiers, Invalid."""
    absorbed, survivor = pair.absorbed, pair.survivor
    values = {
        "tenant": session.info["tenant_id"],
        "survivor": survivor.id,
        "absorbed": absorbed.id,
    }
    known = session.execute(_COUNT, {**values, "ids": pair.ids}).scalar_one()
    if known > MOST_IDENTIFIERS_OF_ONE:
        raise TooManyIdentifiers(f"There would be {known}.")
    session.execute(_MOVE, values)
    session.execute(_NAMES, values)
    session.execute(
        update(MemberRow)
        .where(MemberRow.tenant_id == values["tenant"], MemberRow.id == survivor.id)
        .values(
            name=survivor.name or absorbed.name,
            birthday=survivor.birthday or absorbed.birthday,
            time_zone=survivor.time_zone or absorbed.time_zone,
            attributes=bounded({**absorbed.attributes, **survivor.attributes}),
            version=survivor.version + 1,
        )
    )


def seen_again(session: Session, pair: Pair) -> None:
    """What is known of both has changed again: whoever read it before must read it anew."""
    session.execute(
        update(MemberRow)
        .where(MemberRow.tenant_id == session.info["tenant_id"], MemberRow.id.in_(pair.ids))
        .values(version=MemberRow.version + 1)
    )


def give_membership(session: Session, membership_id: int, member_row: int) -> None:
    """The membership, with its account and all that stands there, is now that member's."""
    stand_as(session, membership_id, member_id=member_row)


def end_membership(session: Session, membership_id: int, at: datetime) -> None:
    """The membership is over, for its account was emptied into another; its tier falls no more."""
    stand_as(session, membership_id, status="merged", left_at=at, tier_review_at=None)


def stand_as(session: Session, membership_id: int, **columns: Any) -> None:
    """The membership stands as the columns say; its account is locked."""
    session.execute(
        update(MembershipRow)
        .where(
            MembershipRow.tenant_id == session.info["tenant_id"],
            MembershipRow.id == membership_id,
        )
        .values(**columns)
    )
