"""Two members become one in everything, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.care.leave import leave
from loyalty.care.merge import Merge, merge
from loyalty.care.queries import read_merge
from loyalty.care.suspend import suspend
from loyalty.care.transfer import Transfer, TransferLimit, transfer
from loyalty.earning.award import award_activities
from loyalty.errors import Invalid, NotFound
from loyalty.ledger.account import AccountFull
from loyalty.ledger.rules import MAX_POINTS, Balance
from loyalty.members.absorb import (
    MOST_IDENTIFIERS_OF_ONE,
    AlreadyMerged,
    TooManyIdentifiers,
)
from loyalty.members.enrol import AlreadyEnrolled, NewMember, enrol
from loyalty.members.identify import Identifier
from loyalty.members.queries import member_by_id, membership_of
from loyalty.people.filters import Filters
from loyalty.people.profile import lookup, profile
from loyalty.people.search import search
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings, TransferRule
from tests.campaigns.given import running
from tests.care.given import (
    account_of,
    entries_on,
    events,
    listed,
    lists,
    lot,
    open_lots_of,
    open_lots_on,
    owe,
)
from tests.earning.given import bought, stored
from tests.opened import AT, balance, give, joined, opened


@pytest.fixture
def program(session: Session) -> Program:
    """Ann and Bob are in it."""
    program = opened(session)
    joined(session, program, "ann")
    joined(session, program, "bob")
    return program


def merged(session: Session, absorbed: str = "bob", survivor: str = "ann") -> UUID:
    """The merge's id."""
    order = Merge(absorbed, survivor, "one and the same")
    return merge(session, order, by=By("eve", "r1", AT))


def _figures(session: Session, account: int) -> tuple[int, int]:
    row = session.execute(
        text("SELECT lifetime, tier_points FROM account WHERE id = :id"), {"id": account}
    ).one()
    return row.lifetime, row.tier_points


def test_points_go_over_with_their_dates_and_what_is_owed_is_paid(
    session: Session, program: Program
) -> None:
    bob = account_of(session, program, "bob")
    lot(session, program, 10, "ann")
    owe(session, program, 15, "ann")
    lot(session, program, 20, "bob", expires_in=10)
    lot(session, program, 2, "bob", expires_in=10)
    lot(session, program, 5, "bob", activates_in=3)
    owe(session, program, 4, "bob")
    merged(session)
    assert balance(session, program, "ann") == Balance(pending=5, available=13)
    assert open_lots_of(session, program, "ann") == [
        (10, True, None),
        (1, True, 10),
        (2, True, 10),
        (5, False, None),
    ]
    assert open_lots_on(session, bob) == []
    assert entries_on(session, bob)[-4:] == [
        ("merge", "available", "transferred", 20),
        ("merge", "available", "transferred", 2),
        ("merge", "pending", "transferred", 5),
        ("merge", "transferred", "owed", 4),
    ]
    assert entries_on(session, account_of(session, program, "ann"))[-5:] == [
        ("merge", "transferred", "available", 20),
        ("merge", "transferred", "available", 2),
        ("merge", "transferred", "pending", 5),
        ("merge", "owed", "transferred", 4),
        ("settle", "available", "owed", 19),
    ]


def test_tier_points_and_lifetime_add_up_and_raise_the_tier_at_once(
    session: Session, program: Program
) -> None:
    give(session, program, 300, "ann")
    give(session, program, 250, "bob")
    give(session, program, -250, "bob")
    bob = account_of(session, program, "bob")
    merged(session)
    ann = membership_of(session, program.id, "ann")
    assert (ann.tier_key, _figures(session, ann.account_id)) == ("gold", (550, 550))
    assert _figures(session, bob) == (0, 0)
    raised = [data for kind, _, data in events(session) if kind == "tier.raised"]
    assert [(one["from"], one["to"], one["why"]) for one in raised] == [("basic", "gold", "merged")]


def test_the_higher_tier_stays(session: Session, program: Program) -> None:
    give(session, program, 1000, "bob")
    merged(session)
    assert membership_of(session, program.id, "ann").tier_key == "platinum"


def test_in_a_program_of_the_absorbed_alone_the_membership_goes_over(
    session: Session, program: Program
) -> None:
    air = opened(session, "air")
    joined(session, air, "bob", points=700)
    account = account_of(session, air, "bob")
    merged(session)
    ann = membership_of(session, air.id, "ann")
    assert (ann.account_id, ann.tier_key, ann.status) == (account, "gold", "active")
    assert balance(session, air, "ann") == Balance(available=700)
    assert [one.program for one in profile(session, "bob").programs] == ["air", "wine"]


def test_what_is_known_of_both_is_known_of_the_survivor(session: Session) -> None:
    program = opened(session)
    card, phone = Identifier("card", "1"), Identifier("phone", "2")
    known: dict[str, Any] = {"attributes": {"a": 1, "b": 2}}
    enrol(session, program, NewMember("ann", (card,), "Ann", attributes={"a": 9, "c": 3}), AT)
    enrol(session, program, NewMember("bob", (phone,), "Bob", date(1990, 2, 28), **known), AT)
    merged(session)
    for told in (profile(session, "ann"), profile(session, "bob"), lookup(session, phone)):
        assert (told.member_id, told.name, told.birthday) == ("ann", "Ann", date(1990, 2, 28))
        assert told.attributes == {"a": 9, "b": 2, "c": 3}
        assert (told.identifiers, told.merged) == ([card, phone], ["bob"])
        assert told.version == 2


def test_nobody_has_more_identifiers_than_can_be_told(session: Session, program: Program) -> None:
    for name in ("ann", "bob"):
        session.execute(
            text(
                "INSERT INTO identifier (tenant_id, kind, value, member_id)"
                " SELECT :tenant, :name, n::text, :member FROM generate_series(1, :most) n"
            ),
            {
                "tenant": session.info["tenant_id"],
                "name": name,
                "member": member_by_id(session, name).id,
                "most": MOST_IDENTIFIERS_OF_ONE // 2 + (name == "bob"),
            },
        )
    with pytest.raises(TooManyIdentifiers):
        merged(session)


def test_both_names_mean_the_survivor_from_then_on(session: Session, program: Program) -> None:
    merged(session)
    assert member_by_id(session, "bob").member_id == "ann"
    give(session, program, 5, "bob")
    assert balance(session, program, "ann") == Balance(available=5)
    with pytest.raises(AlreadyEnrolled):
        enrol(session, program, NewMember("bob"), AT)
    joined(session, opened(session, "air"), "bob", points=3)
    assert [one.program for one in profile(session, "ann").programs] == ["air", "wine"]
    [found] = search(session, program, Filters(q="bo"), AT, limit=9)
    assert found.member_id == "ann"
    assert len(search(session, program, Filters(), AT, limit=9)) == 1


@pytest.mark.parametrize(
    ("ann", "bob", "status"),
    [
        ("active", "suspended", "suspended"),
        ("suspended", "active", "suspended"),
        ("cancelled", "active", "active"),
        ("active", "cancelled", "active"),
        ("cancelled", "suspended", "suspended"),
        ("cancelled", "cancelled", "cancelled"),
    ],
)
def test_a_merge_reinstates_nobody(
    session: Session, program: Program, ann: str, bob: str, status: str
) -> None:
    give(session, program, 100, "ann")
    give(session, program, 600, "bob")
    for name, wanted in (("ann", ann), ("bob", bob)):
        if wanted == "suspended":
            suspend(session, program, name, reason="-", by=By("-", None, AT))
        if wanted == "cancelled":
            leave(session, program, name, by=By("-", None, AT))
    merged(session)
    assert membership_of(session, program.id, "ann").status == status
    here = {"ann": 100 * (ann != "cancelled"), "bob": 600 * (bob != "cancelled")}
    assert balance(session, program, "ann") == Balance(available=sum(here.values()))


def test_limits_of_transfers_count_what_both_have_given(session: Session) -> None:
    rule = TransferRule(max_points_per_period=100)
    program = opened(session, settings=ProgramSettings(transfers=rule))
    for name in ("ann", "bob", "cid"):
        joined(session, program, name, points=500)

    def given(name: str, points: int) -> None:
        order = Transfer(name, "cid", points, "-")
        transfer(session, program, order, by=By("-", None, AT))

    given("bob", 60)
    given("ann", 30)
    merged(session)
    with pytest.raises(TransferLimit, match="10 are left"):
        given("ann", 11)
    given("bob", 10)


def _progress(session: Session, program: Program) -> tuple[list[int], int]:
    """What Ann's goals have counted, and how often she has completed the campaign."""
    row = session.execute(
        text("SELECT counted, completed FROM campaign_progress WHERE account_id = :account"),
        {"account": account_of(session, program, "ann")},
    ).one()
    return [int(one) for one in row.counted], row.completed


def test_progress_in_campaigns_adds_up(session: Session, program: Program) -> None:
    running(session, program, {"kind": "visit", "times": 3})
    visit = replace(bought(), kind="visit", amount=None, currency=None)

    def visits(name: str, times: int) -> None:
        for _ in range(times):
            one = replace(visit, transaction_id=str(uuid4()), member_id=name)
            award_activities(session, stored(session, program, one), AT, top_up=False)

    visits("ann", 1)
    visits("bob", 1)
    merged(session)
    assert _progress(session, program) == ([2], 0)
    visits("bob", 1)
    assert _progress(session, program) == ([3], 1)
    assert [kind for kind, *_ in events(session)].count("campaign.completed") == 1


def test_the_survivor_is_on_each_list_of_either_once(session: Session, program: Program) -> None:
    listed(session, program, "bobs", "bob")
    listed(session, program, "both", "ann", "bob")
    listed(session, program, "anns", "ann")
    merged(session)
    session.expire_all()
    assert lists(session) == dict.fromkeys(("anns", "bobs", "both"), (1, ["ann"]))


def test_who_is_merged_into_the_merged_ends_with_the_last_survivor(
    session: Session, program: Program
) -> None:
    joined(session, program, "cid")
    for name, points in (("ann", 1), ("bob", 20), ("cid", 300)):
        give(session, program, points, name)
    merged(session, "cid", "bob")
    merged(session, "bob", "ann")
    for name in ("ann", "bob", "cid"):
        assert balance(session, program, name) == Balance(available=321)
        assert profile(session, name).merged == ["bob", "cid"]
    heirs = session.execute(text("SELECT DISTINCT into_account FROM merged_account")).scalars()
    assert heirs.all() == [account_of(session, program, "ann")]
    for absorbed, survivor in (("bob", "ann"), ("ann", "cid"), ("cid", "bob")):
        with pytest.raises(AlreadyMerged):
            merged(session, absorbed, survivor)


def test_what_makes_no_sense_is_refused(session: Session, program: Program) -> None:
    with pytest.raises(Invalid):
        merged(session, "ann", "ann")
    for absorbed, survivor in (("ann", "zoe"), ("zoe", "ann")):
        with pytest.raises(NotFound, match="zoe"):
            merged(session, absorbed, survivor)
    give(session, program, MAX_POINTS, "ann")
    give(session, program, 1, "bob")
    with pytest.raises(AccountFull), session.begin_nested():
        merged(session)
    assert balance(session, program, "bob") == Balance(available=1)


def test_a_merge_is_told_and_written_down(session: Session, program: Program) -> None:
    give(session, program, 10, "ann")
    lot(session, program, 5, "bob", activates_in=3)
    made = merged(session)
    told = read_merge(session, made)
    assert (told.absorbed, told.survivor, told.reason, told.actor) == (
        "bob",
        "ann",
        "one and the same",
        "eve",
    )
    assert (told.merged_at, told.undone_at) == (AT, None)
    [one] = told.programs
    assert (one.program, one.status, one.tier) == ("wine", "active", "basic")
    assert (one.absorbed, one.balance) == (Balance(pending=5), Balance(pending=5, available=10))
    [record, *_] = records(session, None, 1)
    assert (record.act, record.subject, record.actor, record.reason, record.request_id) == (
        "member.merge",
        "member ann",
        "eve",
        "one and the same",
        "r1",
    )
    expected = {"merge": str(made), "from": "bob", "into": "ann"}
    assert record.after == expected
    assert events(session)[-1] == ("member.merged", "member ann", expected)
    with pytest.raises(NotFound):
        read_merge(session, record.id)


def test_what_was_due_is_settled_first(session: Session, program: Program) -> None:
    lot(session, program, 10, "bob", expires_in=-1)
    lot(session, program, 7, "bob", activates_in=-2, expires_in=3)
    bob = account_of(session, program, "bob")
    merged(session)
    assert balance(session, program, "ann") == Balance(available=7)
    assert [kind for kind, *_ in entries_on(session, bob)] == [
        "award",
        "award",
        "activate",
        "expire",
        "merge",
    ]
