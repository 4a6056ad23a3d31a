"""Burns of many at the same time share a transaction; a locked account holds up its member only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest
from sqlalchemy import text

from loyalty.audit.by import By
from loyalty.errors import Problem
from loyalty.idempotency.once import Answer
from loyalty.programs.queries import Program
from loyalty.redemption.burn import Key
from loyalty.redemption.redeem import Burn, Redeem, Redeemed
from loyalty.transaction import transaction
from loyalty.web.burns import Burns, burns_of
from tests.opened import AT, balance, joined, opened
from tests.servers import Own
from tests.stack import until
from tests.tenant import TestTenant

NAMES = [f"m{number}" for number in range(8)]


@pytest.fixture
def program(tenant: TestTenant) -> Program:
    """Eight members of 100 points each."""
    with transaction(tenant.id) as session:
        program = opened(session)
        for name in NAMES:
            joined(session, program, name, points=100)
    return program


@pytest.fixture
def other(database: Own) -> Iterator[Any]:
    """A connection of somebody else's, who may take any lock."""
    connection = psycopg2.connect(database.postgres.superuser_url(database.database))
    yield connection
    connection.close()


class _Till:
    """Burns from many threads."""

    def __init__(self, tenant: TestTenant, program: Program, burns: Burns) -> None:
        self._tenant, self._program, self._burns = tenant, program, burns
        self._threads = ThreadPoolExecutor(30)
        self._count = 0

    def burns(self, member_id: str, told: str = "done") -> Future[Answer]:
        self._count += 1
        key = Key("redemptions.create", f"k{self._count}", b"hash")

        def tell(made: Redeemed | Problem) -> Answer:
            return (
                Answer(made.status, made.code) if isinstance(made, Problem) else Answer(201, told)
            )

        burn = Burn(self._program, member_id, Redeem(10), key, tell, By(member_id, None, AT))
        subject = self._program.id, member_id
        return self._threads.submit(self._burns.do, self._tenant.id, burn, subject)

    def in_line(self, count: int) -> None:
        until(lambda: len(self._burns._waiting.get(self._tenant.id, ())) == count, f"{count} wait")

    def left(self) -> list[int]:
        with transaction(self._tenant.id) as session:
            return [balance(session, self._program, name).available for name in NAMES]


def _waiting(tenant: TestTenant) -> int:
    """How many connections wait for a lock, of those that open burns of this tenant."""
    with transaction(tenant.id) as session:
        count = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND query LIKE :opens AND datname = current_database()"
        )
        opens = f"BEGIN; SET LOCAL loyalty.tenant = {tenant.id}; SELECT open_burns%"
        return int(session.execute(count, {"opens": opens}).scalar_one())


def _bodies(burns: Sequence[Future[Answer]]) -> list[str]:
    return [one.result(15).body for one in burns]


def _transactions(tenant: TestTenant) -> list[int]:
    """How many redemptions each transaction made."""
    with transaction(tenant.id) as session:
        counts = "SELECT count(*) FROM redemption GROUP BY xmin::text ORDER BY count(*)"
        return list(session.scalars(text(counts)))


def _held_up(tenant: TestTenant, program: Program, other: Any) -> tuple[_Till, Future[Answer]]:
    """A till whose first burn, alone at work, goes on when `other` lets go."""
    till = _Till(tenant, program, burns_of(at_once=1))
    other.cursor().execute("LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE")
    first = till.burns("m0")
    until(lambda: _waiting(tenant) == 1, "the first one burns")
    return till, first


def test_who_comes_meanwhile_shares_the_next_transaction(
    tenant: TestTenant, program: Program, other: Any
) -> None:
    till, first = _held_up(tenant, program, other)
    others = [till.burns(name) for name in NAMES[1:]]
    till.in_line(7)
    other.rollback()
    assert _bodies([first, *others]) == ["done"] * 8
    assert _transactions(tenant) == [1, 7]
    assert till.left() == [90] * 8


def test_what_is_wrong_with_one_is_no_other_one_s(
    tenant: TestTenant, program: Program, other: Any
) -> None:
    till, first = _held_up(tenant, program, other)
    good, bad, also_good = till.burns("m1"), till.burns("m2", told="\0"), till.burns("m3")
    till.in_line(3)
    other.rollback()
    assert _bodies([first, good, also_good]) == ["done"] * 3
    with pytest.raises(psycopg2.DataError):
        bad.result(15)
    assert till.left() == [90, 90, 100, 90, 100, 100, 100, 100]


def test_who_finds_the_account_locked_waits_with_one_connection_and_holds_up_nobody(
    tenant: TestTenant, program: Program, other: Any
) -> None:
    till = _Till(tenant, program, burns_of(at_once=2))
    with transaction(tenant.id) as session:
        account = session.execute(text("SELECT min(id) FROM account")).scalar_one()
    other.cursor().execute("SELECT FROM account WHERE id = %s FOR UPDATE", (account,))
    waits = [till.burns("m0") for _ in range(12)]
    until(lambda: _waiting(tenant) == 1, "one waits for the account")
    till.in_line(11)
    assert _bodies([till.burns(name) for name in NAMES[1:]]) == ["done"] * 7
    assert _waiting(tenant) == 1
    other.rollback()
    told = sorted(one.result(15).body for one in waits)
    assert told == ["done"] * 10 + ["insufficient_points"] * 2
    assert till.left() == [0, *[90] * 7]
