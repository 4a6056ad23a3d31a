"""Members join, once, in as many programs as they like, and again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.care.leave import leave
from loyalty.errors import Invalid, NotFound
from loyalty.ledger.rules import Balance
from loyalty.members.change_member import MOST_ATTRIBUTE_BYTES, change_member
from loyalty.members.enrol import AlreadyEnrolled, NewMember, enrol
from loyalty.members.identify import Identifier, IdentifierTaken
from loyalty.members.models import MemberRow
from loyalty.members.queries import NotEnrolled, member_by_id, membership_of
from tests.opened import AT, balance, give, joined, opened

CARD = Identifier("card", "4711")


def _identifiers(session: Session, member_id: str) -> list[tuple[str, str]]:
    rows = session.execute(
        text(
            "SELECT i.kind, i.value FROM identifier i JOIN member m ON m.id = i.member_id"
            " WHERE m.member_id = :member_id ORDER BY 1, 2"
        ),
        {"member_id": member_id},
    )
    return [(row.kind, row.value) for row in rows]


def test_who_joins_is_active_on_the_first_tier_with_no_points(session: Session) -> None:
    program = opened(session)
    enrol(session, program, NewMember("ann", (CARD,), "Ann", date(1990, 2, 28)), AT)
    membership = membership_of(session, program.id, "ann")
    assert (membership.status, membership.tier_key, membership.joined_at) == ("active", "basic", AT)
    assert balance(session, program) == Balance()
    assert _identifiers(session, "ann") == [("card", "4711")]


def test_who_is_enrolled_is_told_so(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    with pytest.raises(AlreadyEnrolled):
        enrol(session, program, NewMember("ann"), AT)


def test_one_member_in_two_programs_has_two_accounts(session: Session) -> None:
    wine, flights = opened(session), opened(session, "flights")
    joined(session, wine, points=3)
    enrol(session, flights, NewMember("ann", name="Ann", attributes={"seat": "aisle"}), AT)
    assert balance(session, wine) == Balance(available=3)
    assert balance(session, flights) == Balance()
    member = member_by_id(session, "ann")
    assert (member.name, member.attributes, member.version) == ("Ann", {"seat": "aisle"}, 2)


def test_joining_one_more_program_forgets_nothing(session: Session) -> None:
    wine, flights = opened(session), opened(session, "flights")
    enrol(session, wine, NewMember("ann", (), "Ann", date(1990, 2, 28), "UTC", {"a": 1}), AT)
    enrol(session, flights, NewMember("ann", attributes={"b": 2}), AT)
    member = member_by_id(session, "ann")
    assert (member.name, member.birthday, member.time_zone) == ("Ann", date(1990, 2, 28), "UTC")
    assert member.attributes == {"a": 1, "b": 2}


def test_who_joins_again_starts_again_on_the_same_account(session: Session) -> None:
    program = opened(session)
    joined(session, program, points=600)
    first = membership_of(session, program.id, "ann")
    leave(session, program, "ann", by=By("ann", None, AT))
    later = AT + timedelta(days=1)
    enrol(session, program, NewMember("ann"), later)
    again = membership_of(session, program.id, "ann")
    assert (again.id, again.account_id) == (first.id, first.account_id)
    assert (again.status, again.tier_key, again.joined_at) == ("active", "basic", later)
    assert balance(session, program) == Balance()
    give(session, program, 499)
    assert membership_of(session, program.id, "ann").tier_key == "basic"
    give(session, program, 1)
    assert membership_of(session, program.id, "ann").tier_key == "gold"


def test_an_identifier_belongs_to_one_member(session: Session) -> None:
    program = opened(session)
    enrol(session, program, NewMember("ann", (CARD,)), AT)
    with pytest.raises(IdentifierTaken):
        enrol(session, program, NewMember("bob", (CARD,)), AT)


def test_one_s_own_identifier_again_is_no_conflict(session: Session) -> None:
    wine, flights = opened(session), opened(session, "flights")
    enrol(session, wine, NewMember("ann", (CARD,)), AT)
    enrol(session, flights, NewMember("ann", (CARD, Identifier("phone", "1"))), AT)
    assert _identifiers(session, "ann") == [("card", "4711"), ("phone", "1")]


def test_who_has_not_joined_is_not_enrolled(session: Session) -> None:
    wine, flights = opened(session), opened(session, "flights")
    joined(session, wine)
    with pytest.raises(NotEnrolled):
        membership_of(session, flights.id, "ann")
    with pytest.raises(NotFound):
        member_by_id(session, "bob")


def _change(session: Session, member: MemberRow, patch: dict[str, Any]) -> None:
    change_member(session, member, patch, by=By("eve", "r1", AT))


def test_what_changes_nothing_leaves_no_trace(session: Session) -> None:
    program = opened(session)
    enrol(session, program, NewMember("ann", (CARD,), "Ann", attributes={"a": 1}), AT)
    member = member_by_id(session, "ann", lock=True)
    same = {"name": "Ann", "attributes": {"a": 1, "b": None}, "identifiers": (CARD,)}
    for patch in ({}, same):
        _change(session, member, patch)
    session.expire_all()
    assert member_by_id(session, "ann").version == 1
    assert [one.act for one in records(session, None, 9)] == ["program.open"]


def test_a_change_is_written_down_without_its_values(session: Session) -> None:
    program = opened(session)
    enrol(session, program, NewMember("ann", (CARD,), "Ann"), AT)
    member = member_by_id(session, "ann", lock=True)
    _change(session, member, {"name": "Anne", "time_zone": None, "identifiers": ()})
    [told, *_] = records(session, None, 1)
    assert (told.act, told.subject, told.actor, told.request_id) == (
        "member.change",
        "member ann",
        "eve",
        "r1",
    )
    assert told.after == {"changed": ["name", "identifiers"]}


def test_what_is_known_of_a_member_changes_by_merge_patch(session: Session) -> None:
    program = opened(session)
    enrol(session, program, NewMember("ann", (CARD,), "Ann", attributes={"a": 1, "b": 2}), AT)
    member = member_by_id(session, "ann", lock=True)
    patch = {
        "name": None,
        "birthday": date(1990, 2, 28),
        "attributes": {"a": None, "c": {"d": 3}},
        "identifiers": (Identifier("phone", "1"),),
    }
    _change(session, member, patch)
    session.expire_all()
    changed = member_by_id(session, "ann")
    assert (changed.name, changed.birthday) == (None, date(1990, 2, 28))
    assert changed.attributes == {"b": 2, "c": {"d": 3}}
    assert changed.version == 2
    assert _identifiers(session, "ann") == [("phone", "1")]


def test_attributes_do_not_grow_without_end(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    member = member_by_id(session, "ann", lock=True)
    with pytest.raises(Invalid) as refused:
        _change(session, member, {"attributes": {"a": "x" * MOST_ATTRIBUTE_BYTES}})
    assert [error.pointer for error in refused.value.errors] == ["/attributes"]
