"""A merge is taken back, as long as nothing has touched either of the two since."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.merge import Merge, lock_both, tell_merge
from loyalty.care.models import MergeRow
from loyalty.care.stand import Stand, put_back, row_of
from loyalty.errors import Conflict, NotFound
from loyalty.ledger.account import Account
from loyalty.ledger.heirs import disinherit, write_counted
from loyalty.ledger.movements import undone
from loyalty.ledger.post import post
from loyalty.ledger.rules import Kind
from loyalty.ledger.written import movements_since
from loyalty.members.absorb import Pair, lock_pair, seen_again
from loyalty.members.models import MemberRow
from loyalty.segments.hand_over import put_back as put_lists_back


class MergeUndone(Conflict):
    """409: the merge was taken back before."""

    code = "merge_undone"
    title = "The merge was undone already"
    cure = "Nothing is to be done; read the members."


class MergeTouched(Conflict):
    """409: something has happened to one of the two since they were merged."""

    code = "merge_touched"
    title = "Something has happened to the member since the merge"
    cure = "Move points by a transfer or an adjustment instead; a used merge stays."


def undo_merge(
    session: Session,
    merge_id: UUID,
    *,
    reason: str,
    by: By,
) -> None:
    """Everything stands as before the merge; the ledger says so by entries that take it back.

    Raises NotFound, MergeUndone, MergeTouched.
    """
    pair, row = _locked(session, merge_id)
    if row.undone_at is not None:
        raise MergeUndone(f"It was undone by {row.undone_by}.")
    both = lock_both(session, pair)
    if both.stand(session) != row.after or _on_the_way(session, pair):
        raise MergeTouched("Points, purchases or what is known of the member have changed since.")
    for account in both.accounts.values():
        _take_back(session, account, row.before, merge_id, by.at)
    disinherit(session, merge_id)
    put_back(session, row.before, both.accounts)
    memberships = [one["id"] for one in row.before["membership"]]
    put_lists_back(session, memberships, row.before.get("segment_member", ()))
    seen_again(session, pair)
    session.execute(
        update(MergeRow)
        .where(MergeRow.tenant_id == session.info["tenant_id"], MergeRow.id == merge_id)
        .values(undone_at=by.at, undone_by=by.actor, undo_reason=reason)
    )
    order = Merge(pair.absorbed.member_id, pair.survivor.member_id)
    tell_merge(session, "undo_merge", order, merge_id, reason, by)


def _locked(session: Session, merge_id: UUID) -> tuple[Pair, MergeRow]:
    """The merge, read under the locks of both members."""
    key = (session.info["tenant_id"], merge_id)
    row = session.get(MergeRow, key)
    if row is None:
        raise NotFound(f"There is no merge {merge_id}.")
    absorbed, survivor = (
        session.get_one(MemberRow, (key[0], one)).member_id
        for one in (row.from_member, row.into_member)
    )
    pair = lock_pair(session, absorbed, survivor)
    return pair, session.get_one(MergeRow, key, populate_existing=True)


# Accepted, and not judged yet: it may be on its way to the survivor's account.
_ON_THE_WAY = text(
    "SELECT EXISTS (SELECT FROM unsettled u"
    " JOIN activity a ON a.tenant_id = u.tenant_id AND a.id = u.activity_id"
    " LEFT JOIN identifier i ON i.tenant_id = a.tenant_id AND i.kind = a.identifier_kind"
    "   AND i.value = a.identifier_value"
    " LEFT JOIN member m ON m.tenant_id = a.tenant_id AND m.member_id = a.member_id"
    " WHERE u.tenant_id = :tenant"
    "   AND (i.member_id = ANY(:members) OR m.id = ANY(:members)"
    "        OR m.merged_into = ANY(:members)))"
)


def _on_the_way(session: Session, pair: Pair) -> bool:
    values = {"tenant": session.info["tenant_id"], "members": pair.ids}
    return bool(session.execute(_ON_THE_WAY, values).scalar_one())


def _take_back(
    session: Session, account: Account, before: Stand, merge_id: UUID, at: datetime
) -> None:
    was = row_of(before["account"], account.id)
    for one in undone(movements_since(session, account.id, was["version"])):
        account.move(
            Kind.MERGE,
            one.from_bucket,
            one.to_bucket,
            one.points,
            cause_id=merge_id,
            occurred_at=at,
            draws=one.draws,
        )
    post(session, [account], at)
    account.lifetime, account.tier_points = was["lifetime"], was["tier_points"]
    write_counted(session, account)
