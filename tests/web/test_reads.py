"""Members that are asked for at the same time share a statement; each gets its own answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest

from bench.book import open_book
from loyalty.clock import wall_clock
from loyalty.errors import Unavailable
from loyalty.transaction import across_tenants, transaction
from loyalty.web.reads import Reads, reads_of
from tests.servers import Own
from tests.stack import until
from tests.tenant import fresh_tenant

MEMBERS = 30
AT_ONCE = 2


@pytest.fixture
def book(database: Own) -> tuple[int, int]:
    """A tenant and its program, of members m0000001 to m0000030."""
    with across_tenants() as session:
        tenant = fresh_tenant(session)
    with transaction(tenant.id) as session:
        return tenant.id, open_book(session, MEMBERS)


class _Asking(threading.Thread):
    """One request; `came` is what it got, an answer or an error."""

    def __init__(self, ask: Callable[[], Sequence[Any]]) -> None:
        super().__init__(daemon=True)
        self._ask = ask
        self.came: Sequence[Any] | Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.came = self._ask()
        except Exception as error:  # it is what the test looks at
            self.came = error


class _Held:
    """Nobody can read an account while this is open."""

    def __init__(self, url: str, tenant_id: int) -> None:
        self._tenant_id = tenant_id
        self._holds = psycopg2.connect(url)
        self._looks = psycopg2.connect(url)
        self._looks.autocommit = True
        self._holds.cursor().execute("LOCK TABLE account IN ACCESS EXCLUSIVE MODE")

    def waiting(self) -> list[int]:
        """The processes of those who wait for it and ask for members of this tenant."""
        with self._looks.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND query LIKE %s AND datname = current_database()",
                (f"SET LOCAL loyalty.tenant = {self._tenant_id}; SELECT member_told%",),
            )
            return [pid for (pid,) in cursor.fetchall()]

    def end(self, pid: int) -> None:
        """Its connection is gone."""
        with self._looks.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))

    def let_go(self) -> None:
        """All go on."""
        self._holds.rollback()

    def close(self) -> None:
        self._holds.close()
        self._looks.close()


@contextmanager
def _held(database: Own, tenant_id: int) -> Iterator[_Held]:
    held = _Held(database.postgres.superuser_url(database.database), tenant_id)
    try:
        yield held
    finally:
        held.close()


def _asks(reads: Reads, book: tuple[int, int], named: str) -> _Asking:
    tenant_id, program_id = book
    return _Asking(lambda: reads.do(tenant_id, (program_id, named, wall_clock())))


def _under_way(held: _Held, reads: Reads, book: tuple[int, int]) -> list[_Asking]:
    """As many as may read at once; none of them gets on."""
    first = [_asks(reads, book, "m0000001") for _ in range(AT_ONCE)]
    until(lambda: len(held.waiting()) == AT_ONCE, "the first ones read")
    return first


def _in_line(reads: Reads, tenant_id: int, count: int) -> None:
    until(lambda: len(reads._waiting.get(tenant_id, ())) == count, f"{count} wait")


def _name(asking: _Asking) -> object:
    assert isinstance(asking.came, Sequence), asking.came
    [told] = asking.came
    return told[0] if told else None


def test_each_gets_its_own_answer(book: tuple[int, int]) -> None:
    reads = reads_of(AT_ONCE)
    names = [f"m{1 + number % (MEMBERS + 1):07}" for number in range(20 * MEMBERS)]
    asking = [_asks(reads, book, name) for name in names]
    for one in asking:
        one.join()
    nobody = f"m{MEMBERS + 1:07}"
    assert [_name(one) for one in asking] == [None if one == nobody else one for one in names]
    assert reads._under_way == 0
    assert not reads._waiting


def test_who_comes_while_others_read_waits_and_shares_the_next_statement(
    database: Own, book: tuple[int, int]
) -> None:
    reads = reads_of(AT_ONCE)
    with _held(database, book[0]) as held:
        first = _under_way(held, reads, book)
        others = [_asks(reads, book, f"m{number:07}") for number in range(2, 12)]
        _in_line(reads, book[0], 10)
        assert len(held.waiting()) == AT_ONCE
        held.let_go()
        for one in [*first, *others]:
            one.join()
    assert [_name(one) for one in others] == [f"m{number:07}" for number in range(2, 12)]


def test_what_is_wrong_with_one_is_no_other_ones(database: Own, book: tuple[int, int]) -> None:
    reads = reads_of(at_once=1)  # so that all three share one
    with _held(database, book[0]) as held:
        first = _asks(reads, book, "m0000001")
        until(lambda: len(held.waiting()) == 1, "the first one reads")
        asking = []
        for place, name in enumerate(("m0000002", "m\0", "m0000003"), 1):
            asking.append(_asks(reads, book, name))
            _in_line(reads, book[0], place)
        held.let_go()
        for one in [first, *asking]:
            one.join()
    good, bad, also_good = asking
    assert (_name(good), _name(also_good)) == ("m0000002", "m0000003")
    assert isinstance(bad.came, ValueError)


def test_when_a_connection_goes_the_others_are_read_all_the_same(
    database: Own, book: tuple[int, int]
) -> None:
    reads = reads_of(AT_ONCE)
    with _held(database, book[0]) as held:
        first = _under_way(held, reads, book)
        others = [_asks(reads, book, f"m{number:07}") for number in range(2, 12)]
        _in_line(reads, book[0], 10)
        for pid in held.waiting():
            held.end(pid)
        for one in first:
            one.join()
        held.let_go()
        for one in others:
            one.join()
    assert all(isinstance(one.came, Unavailable) for one in first)
    assert [_name(one) for one in others] == [f"m{number:07}" for number in range(2, 12)]
    assert reads._under_way == 0


def test_tenants_take_turns(database: Own, book: tuple[int, int]) -> None:
    with across_tenants() as session:
        tenant = fresh_tenant(session)
    with transaction(tenant.id) as session:
        other = tenant.id, open_book(session, 3)
    reads = reads_of(AT_ONCE)
    with _held(database, book[0]) as held:
        first = _under_way(held, reads, book)
        mine = [_asks(reads, book, "m0000020") for _ in range(3)]
        theirs = [_asks(reads, other, "m0000002") for _ in range(3)]
        stranger = _asks(reads, other, "m0000020")
        _in_line(reads, book[0], 3)
        _in_line(reads, other[0], 4)
        held.let_go()
        for one in [*first, *mine, *theirs, stranger]:
            one.join()
    assert {_name(one) for one in mine} == {"m0000020"}
    assert {_name(one) for one in theirs} == {"m0000002"}
    assert _name(stranger) is None


def test_who_is_not_answered_in_time_is_told_so(
    database: Own, book: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loyalty.web.reads._TIMEOUT_S", 0.2)
    reads = reads_of(AT_ONCE)
    with _held(database, book[0]) as held:
        first = _under_way(held, reads, book)
        late = _asks(reads, book, "m0000002")
        late.join()
        assert isinstance(late.came, Unavailable)
        assert not reads._waiting
        held.let_go()
        for one in first:
            one.join()
    assert {_name(one) for one in first} == {"m0000001"}
    assert reads._under_way == 0
