"""Members are found by what they have and who they are, however many they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.earning.award import award_activities
from loyalty.errors import Invalid
from loyalty.members.change_member import change_member
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import member_by_id
from loyalty.people import narrow
from loyalty.people.filters import Filters
from loyalty.people.search import Order, search
from loyalty.programs.queries import Program
from loyalty.segments.save import add_segment
from loyalty.segments.upload import upload
from tests.care.given import owe
from tests.earning.given import bought, stored
from tests.opened import AT, give, joined, opened

DAY = timedelta(days=1)


@pytest.fixture
def program(session: Session) -> Program:
    return opened(session)


@pytest.fixture(autouse=True, params=[narrow.FEW, 0], ids=["few", "many"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found does not depend on how it is looked for."""
    monkeypatch.setattr(narrow, "FEW", request.param)


def found(session: Session, program: Program, order: Order = "-joined", **asked: Any) -> list[str]:
    """Who is found, in their order."""
    rows = search(session, program, Filters(**asked), AT + DAY, order=order, limit=10)
    return [one.member_id for one in rows]


def _people(session: Session, program: Program) -> None:
    for days, (member_id, name, points) in enumerate(
        (("ann", "Ann Lee", 1500), ("bob", "Bob 100%", 1000), ("cid", "Cid_Lee Ångström", 600))
    ):
        card = Identifier("card", f"card-of-{member_id}")
        traits = {"city": member_id[0].upper(), "vip": member_id == "ann", "likes": [days, "tea"]}
        newcomer = NewMember(member_id, (card,), name, attributes=traits)
        join(session, program, newcomer, AT + days * timedelta(minutes=1))
        give(session, program, points, member_id)
    give(session, program, -1, "bob")
    leave(session, program, "cid", by=By("cid", None, AT))
    joined(session, opened(session, "flights"), "dan", points=5000)


@pytest.mark.parametrize(
    ("asked", "them"),
    [
        ({}, ["cid", "bob", "ann"]),
        ({"points_gte": 1000}, ["ann"]),
        ({"points_gte": 999}, ["bob", "ann"]),
        ({"points_lte": 999}, ["cid", "bob"]),
        ({"points_gte": 1, "points_lte": 999}, ["bob"]),
        ({"tier": "platinum"}, ["bob", "ann"]),
        ({"status": "cancelled"}, ["cid"]),
        ({"tier": "platinum", "points_gte": 1000, "q": "Ann"}, ["ann"]),
        ({"q": "lee"}, ["cid", "ann"]),
        ({"q": "an"}, ["cid", "ann"]),
        ({"q": "nn"}, []),
        ({"q": "LEE a"}, ["cid", "ann"]),
        ({"q": "angstrom"}, ["cid"]),
        ({"q": "Ångs"}, ["cid"]),
        ({"q": "card-of-bob"}, ["bob"]),
        ({"q": "card-of"}, []),
        ({"q": "Ann Bob"}, []),
        ({"q": "city"}, []),
        ({"q": "%"}, []),
        ({"q": "_"}, []),
        ({"q": "\\"}, []),
        ({"attributes": {"city": "B"}}, ["bob"]),
        ({"attributes": {"city": "b"}}, []),
        ({"attributes": {"vip": "true"}}, ["ann"]),
        ({"attributes": {"likes": "tea"}}, ["cid", "bob", "ann"]),
        ({"attributes": {"likes": "tea", "city": "C"}}, ["cid"]),
        ({"attributes": {"likes": "1"}}, ["bob"]),
        ({"joined_gte": AT + timedelta(minutes=1)}, ["cid", "bob"]),
        ({"joined_lte": AT + timedelta(minutes=1)}, ["bob", "ann"]),
    ],
)
def test_each_filter_must_hold(
    session: Session, program: Program, asked: dict[str, Any], them: list[str]
) -> None:
    _people(session, program)
    assert found(session, program, **asked) == them


def test_arrears_are_found(session: Session, program: Program) -> None:
    _people(session, program)
    owe(session, program, 30)
    assert found(session, program, owed_gte=30) == ["ann"]
    assert found(session, program, owed_gte=31) == []
    assert found(session, program, owed_gte=0) == ["cid", "bob", "ann"]


def test_segments_are_lists_or_conditions(session: Session, program: Program) -> None:
    _people(session, program)
    by = By("test", None, AT)
    some = add_segment(session, program, {"key": "some", "name": "S", "condition": None}, by)
    upload(session, program, some, add=["ann", "cid"], remove=[], by=by)
    rich = {"key": "rich", "name": "R", "condition": {"points": {"at_least": 999}}}
    add_segment(session, program, rich, by)
    assert found(session, program, segment="some") == ["ann"]  # who has left is in no segment
    assert found(session, program, segment="rich") == ["bob", "ann"]
    assert found(session, program, segment="rich", q="bob") == ["bob"]
    with pytest.raises(Invalid):
        found(session, program, segment="poor")


def test_the_last_activity_is_the_latest_purchase(session: Session, program: Program) -> None:
    for member_id in ("ann", "bob", "cid"):
        joined(session, program, member_id)
    earns = [
        bought("1", "ann", occurred_at=AT),
        bought("1", "ann", occurred_at=AT - 9 * DAY),
        bought("1", "bob", occurred_at=AT - 5 * DAY),
    ]
    award_activities(session, stored(session, program, *earns), AT, top_up=False)
    assert found(session, program, last_activity_gte=AT) == ["ann"]
    assert found(session, program, last_activity_gte=AT - 5 * DAY) == ["bob", "ann"]
    assert found(session, program, last_activity_lte=AT) == ["cid", "bob", "ann"]
    assert (
        found(session, program, last_activity_lte=AT - timedelta(seconds=1)) == []
    )  # joined at AT
    both: dict[str, Any] = {"last_activity_gte": AT - 6 * DAY, "last_activity_lte": AT}
    assert found(session, program, **both) == ["bob", "ann"]


@pytest.mark.parametrize(
    ("order", "them"),
    [
        ("-joined", ["dan", "cid", "bob", "ann"]),
        ("joined", ["ann", "bob", "cid", "dan"]),
        ("-points", ["bob", "dan", "cid", "ann"]),
        ("points", ["ann", "cid", "dan", "bob"]),
    ],
)
def test_pages_go_on_where_one_ended(
    session: Session, program: Program, order: Order, them: list[str]
) -> None:
    for member_id, points in (("ann", 0), ("bob", 9), ("cid", 5), ("dan", 5)):
        joined(session, program, member_id, points)
    told: list[str] = []
    after = None
    while page := search(session, program, Filters(), AT, order=order, after=after, limit=1):
        told.append(page[0].member_id)
        after = page[0].place
    assert told == them


def test_who_changes_their_name_is_found_by_the_new_one(session: Session, program: Program) -> None:
    _people(session, program)
    member = member_by_id(session, "ann", lock=True)
    patch = {"name": "Anna Stone", "attributes": {"city": "Rome", "vip": None}}
    change_member(session, member, patch, by=By("test", None, AT))
    session.flush()
    assert found(session, program, q="stone") == ["ann"]
    assert found(session, program, q="lee") == ["cid"]
    assert found(session, program, attributes={"city": "Rome"}) == ["ann"]
    assert found(session, program, attributes={"city": "A"}) == []
    assert found(session, program, attributes={"vip": "true"}) == []


def test_the_words_are_those_of_the_members(session: Session, program: Program) -> None:
    _people(session, program)
    join(session, program, NewMember("eve", name="Eve", attributes={"long": "x" * 1000}), AT)
    join(session, opened(session, "bar"), NewMember("eve", name="Eva"), AT)
    odd = text(
        "SELECT count(*) FROM (SELECT m.id, word FROM member m, words_of(m.name_folded,"
        " m.attributes) word) x FULL JOIN member_word w ON w.member_id = x.id AND w.word = x.word"
        " WHERE w.word IS NULL OR x.word IS NULL"
    )
    assert session.execute(odd).scalar_one() == 0
    assert found(session, program, q="eva") == ["eve"]
