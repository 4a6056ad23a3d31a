"""A merge is taken back as if it had never been, as long as nothing has touched either since."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.book.audit import audit, scopes
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.care.merge import Merge, merge
from loyalty.care.queries import read_merge
from loyalty.care.suspend import suspend
from loyalty.care.transfer import Transfer, transfer
from loyalty.care.undo_merge import MergeTouched, MergeUndone, undo_merge
from loyalty.earning.award import award_activities
from loyalty.errors import NotFound, Problem
from loyalty.ledger.due import settle_due
from loyalty.ledger.rules import Balance
from loyalty.members.change_member import change_member
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import lock_membership, member_by_id, membership_of
from loyalty.programs.queries import Program
from loyalty.redemption.redeem import Redeem
from loyalty.transaction import across_tenants, transaction
from tests.care.given import account_of, entries_on, events, listed, lot, open_lots_of, owe
from tests.care.test_merge import merged
from tests.earning.given import bought, stored
from tests.opened import AT, balance, give, joined, opened, redeemed
from tests.tenant import TestTenant

#: Every row of the two that is not only added to, but for the version of what is known.
_STAND = """
    SELECT jsonb_build_object(
      'members', (SELECT jsonb_agg(to_jsonb(m) - 'version' ORDER BY m.id) FROM member m),
      'identifiers', (SELECT jsonb_agg(to_jsonb(i) ORDER BY i.kind, i.value) FROM identifier i),
      'memberships', (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.id) FROM membership s),
      'accounts', (SELECT jsonb_agg(to_jsonb(a) - 'version' ORDER BY a.id) FROM account a),
      'lots', (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.account_id, l.id) FROM lot l WHERE open),
      'redemptions', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.id) FROM redemption r),
      'lists', (SELECT jsonb_agg(to_jsonb(s) ORDER BY to_jsonb(s)) FROM segment_member s),
      'segments', (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.id) FROM segment s),
      'uses', (SELECT jsonb_agg(to_jsonb(u) ORDER BY to_jsonb(u)) FROM promotion_use u),
      'days', (SELECT jsonb_agg(to_jsonb(d) ORDER BY to_jsonb(d)) FROM tier_progress d),
      'progress', (SELECT jsonb_agg(to_jsonb(p) ORDER BY to_jsonb(p)) FROM campaign_progress p),
      'heirs', (SELECT jsonb_agg(to_jsonb(h) ORDER BY to_jsonb(h)) FROM merged_account h
                WHERE NOT undone))
"""


def stand(session: Session) -> dict[str, Any]:
    """How everybody of the tenant stands."""
    session.flush()
    told: dict[str, Any] = session.execute(text(_STAND)).scalar_one()
    return told


def undone(session: Session, merge_id: UUID, at: Any = AT) -> None:
    """Takes the merge back."""
    undo_merge(session, merge_id, reason="they are two", by=By("fay", "r2", at))


@pytest.fixture
def program(session: Session) -> Program:
    """Ann holds 30, Bob is Gold, waits for 5, owes 4, and is in another program besides."""
    program = opened(session)
    card, phone = Identifier("card", "1"), Identifier("phone", "2")
    join(session, program, NewMember("ann", (card,), "Ann", attributes={"a": 1}), AT)
    join(session, program, NewMember("bob", (phone,), attributes={"a": 2, "b": 3}), AT)
    joined(session, opened(session, "air"), "bob", points=70)
    lot(session, program, 20, "ann", expires_in=5)
    lot(session, program, 40, "ann")
    redeemed(session, program, Redeem(30, hold_s=999))
    give(session, program, 600, "bob")
    lot(session, program, 5, "bob", activates_in=3)
    owe(session, program, 4, "bob")
    listed(session, program, "bobs", "bob")
    listed(session, program, "both", "ann", "bob")
    return program


@pytest.mark.parametrize(("absorbed", "survivor"), [("ann", "bob"), ("bob", "ann")])
def test_everything_stands_as_before(
    session: Session, program: Program, absorbed: str, survivor: str
) -> None:
    before = stand(session)
    versions = [member_by_id(session, name).version for name in ("ann", "bob")]
    made = merged(session, absorbed, survivor)
    assert stand(session) != before
    undone(session, made)
    session.expire_all()
    assert stand(session) == before
    now = [member_by_id(session, name).version for name in ("ann", "bob")]
    assert all(new > old for new, old in zip(now, versions, strict=True))


def test_the_ledger_tells_it_by_entries_that_take_back(session: Session) -> None:
    program = opened(session)
    for name, points in (("ann", 10), ("bob", 6)):
        joined(session, program, name, points)
    undone(session, merged(session))
    bob, ann = (account_of(session, program, name) for name in ("bob", "ann"))
    assert entries_on(session, bob)[1:] == [
        ("merge", "available", "transferred", 6),
        ("merge", "transferred", "available", 6),
    ]
    assert entries_on(session, ann)[1:] == [
        ("merge", "transferred", "available", 6),
        ("merge", "available", "transferred", 6),
    ]


def test_who_undid_it_and_why_is_told_and_written_down(session: Session, program: Program) -> None:
    made = merged(session)
    later = AT + timedelta(hours=1)
    undone(session, made, later)
    told = read_merge(session, made)
    assert (told.undone_at, told.undone_by, told.undo_reason) == (later, "fay", "they are two")
    [record, *_] = records(session, None, 1)
    assert (record.act, record.actor, record.reason) == ("member.undo_merge", "fay", "they are two")
    assert events(session)[-1][0] == "member.merge_undone"


def test_it_is_undone_once_and_can_be_merged_again(session: Session, program: Program) -> None:
    made = merged(session)
    undone(session, made)
    with pytest.raises(MergeUndone, match="fay"):
        undone(session, made)
    with pytest.raises(NotFound):
        undone(session, uuid4())
    before = stand(session)
    undone(session, merged(session, "ann", "bob"))
    assert stand(session) == before


def test_both_earn_for_themselves_again(session: Session, program: Program) -> None:
    undone(session, merged(session))
    ids = stored(session, program, bought("7", "bob"), bought("1", "ann"))
    award_activities(session, ids, AT)
    assert balance(session, program, "bob") == Balance(pending=5, available=603)
    assert balance(session, program, "ann") == Balance(available=31, held=30)


def test_only_the_last_of_several_merges_is_undone(session: Session, program: Program) -> None:
    joined(session, program, "cid", points=3)
    first = merged(session, "cid", "bob")
    between = stand(session)
    second = merged(session, "bob", "ann")
    with pytest.raises(MergeTouched):
        undone(session, first)
    undone(session, second)
    assert stand(session) == between
    with pytest.raises(MergeTouched):  # what was done and undone has touched them too
        undone(session, first)


def _adjust(session: Session, program: Program) -> None:
    give(session, program, 1, "bob")


def _buy_nothing(session: Session, program: Program) -> None:
    award_activities(session, stored(session, program, bought("0.10", "bob")), AT)


def _buy_and_wait(session: Session, program: Program) -> None:
    stored(session, program, bought("5", "bob"))


def _buy_by_card(session: Session, program: Program) -> None:
    stored(session, program, bought("5", identifier=("phone", "2")))


def _suspend(session: Session, program: Program) -> None:
    suspend(session, program, "ann", reason="-", by=By("-", None, AT))


def _leave(session: Session, program: Program) -> None:
    leave(session, program, "bob", by=By("-", None, AT))


def _rename(session: Session, program: Program) -> None:
    member = member_by_id(session, "ann", lock=True)
    change_member(session, member, {"name": "Anne"}, by=By("-", None, AT))


def _join_another(session: Session, program: Program) -> None:
    joined(session, opened(session, "train"), "bob")


def _transfer(session: Session, program: Program) -> None:
    joined(session, program, "cid", points=5)
    order = Transfer("cid", "bob", 5, "-")
    transfer(session, program, order, by=By("-", None, AT))


def _pass_time(session: Session, program: Program) -> None:
    _, account = lock_membership(session, program.id, "ann")
    settle_due(session, [account], AT + timedelta(days=9))


@pytest.mark.parametrize(
    "touch",
    [
        _adjust,
        _buy_nothing,
        _buy_and_wait,
        _buy_by_card,
        _suspend,
        _leave,
        _rename,
        _join_another,
        _transfer,
        _pass_time,
    ],
)
def test_once_something_has_touched_either_the_merge_stays(
    session: Session, program: Program, touch: Callable[[Session, Program], None]
) -> None:
    made = merged(session)
    touch(session, program)
    before = stand(session)
    with pytest.raises(MergeTouched):
        undone(session, made)
    assert stand(session) == before


def test_what_is_only_due_and_not_written_yet_touches_nothing(
    session: Session, program: Program
) -> None:
    made = merged(session)
    undone(session, made, AT + timedelta(days=9))
    assert open_lots_of(session, program, "bob")[-1] == (5, False, None)


def _at_once(tenant: TestTenant, acts: list[Callable[[Session], object]]) -> list[str]:
    def act(one: Callable[[Session], object]) -> str:
        try:
            with transaction(tenant.id) as session:
                one(session)
        except Problem as problem:
            return problem.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(act, acts))


def test_undone_by_several_at_once_while_points_arrive(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        for name, points in (("ann", 10), ("bob", 5)):
            joined(session, program, name, points)
        made = merge(session, Merge("bob", "ann"), by=By("eve", None, AT))
    told = _at_once(
        tenant,
        [
            *[lambda session: undone(session, made)] * 3,
            *[lambda session: give(session, program, 1, "bob")] * 3,
        ],
    )
    assert told[3:] == ["done"] * 3
    with transaction(tenant.id) as session:
        ann, bob = (balance(session, program, name).available for name in ("ann", "bob"))
        one = membership_of(session, program.id, "bob").member_id == "ann"
    if one:
        assert sorted(told[:3]) == ["merge_touched"] * 3
        assert (ann, bob) == (18, 18)
    else:
        assert sorted(told[:3]) == ["done", "merge_undone", "merge_undone"]
        assert (ann, bob) == (10, 8)
    with across_tenants(snapshot=True) as session:
        *_, verdict = audit(session, scopes(session, tenant.slug, None))
    assert verdict.broken == []


def test_merges_and_transfers_of_many_at_once_conserve_every_point(tenant: TestTenant) -> None:
    names = [f"m-{number}" for number in range(8)]
    with transaction(tenant.id) as session:
        program = opened(session)
        for name in names:
            joined(session, program, name, points=100)

    def gives(giver: str, taker: str) -> Callable[[Session], object]:
        order = Transfer(giver, taker, 7, "-")
        return lambda session: transfer(session, program, order, by=By("-", None, AT))

    def merges(absorbed: str, survivor: str) -> Callable[[Session], object]:
        order = Merge(absorbed, survivor)
        return lambda session: merge(session, order, by=By("-", None, AT))

    pairs = [(names[n], names[(n * 3 + 1) % 8]) for n in range(8)]
    acts = [gives(*pair) for pair in pairs] + [merges(*pair) for pair in pairs[:6]]
    acts += [gives(two, one) for one, two in pairs]
    told = _at_once(tenant, acts)
    assert set(told) <= {"done", "invalid", "already_merged", "unavailable"}
    with transaction(tenant.id) as session:
        whole = session.execute(text("SELECT sum(available) FROM account")).scalar_one()
    assert whole == 800
    with across_tenants(snapshot=True) as session:
        *_, verdict = audit(session, scopes(session, tenant.slug, None))
    assert verdict.broken == []
