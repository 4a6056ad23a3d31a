"""The feed: nothing is missed, nothing is told twice, and a member's events keep their order."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.leave import leave
from loyalty.events.feed import Place, Told, Wanted, latest, read
from loyalty.events.points import PointsMoved
from loyalty.outbox.emit import Event, emit
from loyalty.redemption.redeem import Redeem
from loyalty.transaction import across_tenants, transaction, undone
from tests.opened import AT, give, joined, opened, redeemed
from tests.tenant import TestTenant, fresh_tenant


def _say(session: Session, reward: str, count: int = 1) -> None:
    data = {"reward": reward, "remaining": 1, "low_at": 1}
    emit(session, [Event("stock.low", f"reward {reward}", data)] * count, AT)


def _rewards(told: list[Told]) -> list[str]:
    return [one.subject.removeprefix("reward ") for one in told]


def _all(tenant: TestTenant, most: int = 1000, wanted: Wanted | None = None) -> Iterator[Told]:
    """All of the feed, page after page, each in a transaction of its own."""
    after, more = Place(), True
    while more:
        with transaction(tenant.id) as session:
            page = read(session, after, most=most, wanted=wanted)
        assert page.upto > after or not page.more
        yield from page.events
        after, more = page.upto, page.more


def test_who_began_first_and_commits_last_is_not_missed(tenant: TestTenant) -> None:
    with ExitStack() as slow:
        session = slow.enter_context(transaction(tenant.id))
        _say(session, "slow")
        with transaction(tenant.id) as other:
            _say(other, "quick")
        with transaction(tenant.id) as reader:
            page = read(reader, Place(), most=10)
        assert (page.events, page.more) == ([], False)
    with transaction(tenant.id) as reader:
        later = read(reader, page.upto, most=10)
    assert _rewards(later.events) == ["slow", "quick"]
    with transaction(tenant.id) as reader:
        assert read(reader, later.upto, most=10).events == []


def test_who_is_undone_holds_nobody_up_afterwards(tenant: TestTenant) -> None:
    with undone(tenant.id) as session:
        _say(session, "never")
    with transaction(tenant.id) as session:
        savepoint = session.begin_nested()
        _say(session, "undone")
        savepoint.rollback()
        _say(session, "kept")
    assert _rewards(list(_all(tenant))) == ["kept"]


def test_a_savepoint_that_was_undone_keeps_the_later_ones_guarded(tenant: TestTenant) -> None:
    """The lock that says "I may still write" goes with a savepoint; the next INSERT takes it."""
    with ExitStack() as slow:
        session = slow.enter_context(transaction(tenant.id))
        savepoint = session.begin_nested()
        _say(session, "undone")
        savepoint.rollback()
        _say(session, "slow")
        with transaction(tenant.id) as other:
            _say(other, "quick")
        with transaction(tenant.id) as reader:
            assert read(reader, Place(), most=10).events == []
    assert _rewards(list(_all(tenant))) == ["slow", "quick"]


def _write(tenant: TestTenant, writer: int, said: list[str]) -> None:
    """Writes that take their time, some of them undone."""
    dice = random.Random(writer)
    for number in range(25):
        begin = undone if dice.random() < 0.2 else transaction
        names = [f"{writer}-{number}{part}" for part in "ab"]
        with begin(tenant.id) as session:
            for name in names:
                _say(session, name)
                time.sleep(dice.random() / 100)
        if begin is transaction:
            said.extend(names)


def _listen(tenant: TestTenant, done: threading.Event, heard: list[str]) -> None:
    """Reads on and on, and never looks back."""
    after, more = Place(), True
    while more:
        last_time = done.is_set()
        with transaction(tenant.id) as session:
            page = read(session, after, most=7)
        heard.extend(_rewards(page.events))
        after, more = page.upto, page.more or not last_time


def test_under_load_every_event_is_read_once(tenant: TestTenant) -> None:
    said: list[str] = []
    heard: list[str] = []
    done = threading.Event()
    writers = [threading.Thread(target=_write, args=(tenant, one, said)) for one in range(8)]
    listener = threading.Thread(target=_listen, args=(tenant, done, heard))
    for thread in (listener, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    listener.join()
    assert len(said) > 200
    assert sorted(heard) == sorted(said)
    for writer in range(8):
        own = [one for one in heard if one.startswith(f"{writer}-")]
        assert own == [one for one in said if one.startswith(f"{writer}-")]


def test_who_waited_for_an_account_comes_after_who_had_it(tenant: TestTenant) -> None:
    """Also when it began first: by the ids of transactions it would stand before."""
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
    waiting = threading.Event()

    def late() -> None:
        with transaction(tenant.id) as session:
            session.execute(text("SELECT pg_current_xact_id()"))
            waiting.set()
            give(session, program, 2)

    with transaction(tenant.id) as session:
        thread = threading.Thread(target=late)
        thread.start()
        waiting.wait(10)
        give(session, program, 1)
    thread.join()
    told = [one for one in _all(tenant) if one.type == "points.adjusted.v1"]
    assert [one.id.partition("-")[2] for one in told] == ["1", "2"]


def test_pages_of_one_tell_the_same_as_one_page(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        for member in ("ann", "bob"):
            joined(session, program, member, points=5)
        _say(session, "x", count=3)
    whole = list(_all(tenant))
    assert list(_all(tenant, most=1)) == whole
    assert [str(one.place) for one in whole] == sorted({str(one.place) for one in whole})
    for one in whole:
        assert Place.parse(str(one.place)) == one.place


def test_entries_and_what_was_emitted_stand_in_one_order(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program, points=500)
    with transaction(tenant.id) as session:
        redeemed(session, program, Redeem(points=120))
    with transaction(tenant.id) as session:
        leave(session, program, "ann", by=By("test", None, AT))
    told = [one for one in _all(tenant) if one.subject == "member ann"]
    assert [one.type for one in told] == [
        "member.joined.v1",
        "tier.changed.v1",
        "points.adjusted.v1",
        "points.redeemed.v1",
        "points.forfeited.v1",
        "member.left.v1",
    ]
    assert {one.program for one in told} == {"wine"}
    balances = [one.data.balance for one in told if isinstance(one.data, PointsMoved)]
    assert [one.available for one in balances] == [500, 380, 0]


def test_only_what_is_wanted_is_told(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        wine, beer = opened(session), opened(session, "beer")
        for program in (wine, beer):
            joined(session, program, points=5)
        _say(session, "x")
    points = Wanted(types={"points.adjusted.v1"})
    assert [one.program for one in _all(tenant, wanted=points)] == ["wine", "beer"]
    of_beer = Wanted(program_ids={beer.id})
    assert [one.type for one in _all(tenant, wanted=of_beer)] == [
        "member.joined.v1",
        "points.adjusted.v1",
        "stock.low.v1",  # of no single program
    ]
    assert list(_all(tenant, wanted=Wanted(types={"tier.changed.v1"}, program_ids={wine.id}))) == []


def test_the_end_is_where_what_comes_is_new(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        _say(session, "before")
    with transaction(tenant.id) as session:
        end = latest(session)
    with transaction(tenant.id) as session:
        _say(session, "after")
    with transaction(tenant.id) as session:
        assert _rewards(read(session, end, most=10).events) == ["after"]


def test_another_tenant_s_events_are_not_told(tenant: TestTenant) -> None:
    with across_tenants() as session:
        other = fresh_tenant(session)
    with transaction(other.id) as session:
        joined(session, opened(session), points=5)
    assert list(_all(tenant)) == []


@pytest.mark.parametrize(
    "cursor", ["", "x" * 48, "0" * 47, "0" * 49, "f" * 48, "-" + "0" * 47, "0x" + "0" * 46]
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        Place.parse(cursor)
