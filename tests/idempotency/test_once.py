"""The same key twice is one effect and one answer: in turn, at once, and after a kill."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import Conflict, Invalid, Problem
from loyalty.idempotency.forget import KEPT, forget_old
from loyalty.idempotency.once import Answer, IdempotencyInFlight, IdempotencyMismatch, once
from loyalty.transaction import across_tenants, transaction
from tests.tenant import TestTenant

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
ORDER, OTHER_ORDER = b"1" * 32, b"2" * 32
#: What an act leaves behind in these tests: one row each.
_EFFECT = text(
    "INSERT INTO tier SELECT :tenant, p.id, 'e' || count(t.*), '', count(t.*) FROM "
    "program p LEFT JOIN tier t ON t.program_id = p.id GROUP BY p.id"
)


class Refused(Conflict):
    """A refusal of the book."""

    code = "refused_for_a_test"


def _refuse(problem: Problem) -> Answer:
    return Answer(problem.status, problem.code)


@pytest.fixture
def shop(tenant: TestTenant) -> TestTenant:
    """A tenant with a program, so that acts can leave something behind."""
    with transaction(tenant.id) as session:
        session.execute(
            text(
                "INSERT INTO program (tenant_id, slug, name, unit, currency, time_zone, settings,"
                " created_at) VALUES (:tenant, 'p', 'P', 'points', 'USD', 'UTC', '{}', :at)"
            ),
            {"tenant": tenant.id, "at": AT},
        )
    return tenant


def _act(session: Session) -> Callable[[], Answer]:
    def act() -> Answer:
        session.execute(_EFFECT, {"tenant": session.info["tenant_id"]})
        return Answer(201, f'{{"effect":{_effects(session)}}}')

    return act


def _effects(session: Session) -> int:
    return session.scalar(text("SELECT count(*) FROM tier")) or 0


def _once(
    session: Session,
    key: str = "k",
    order: bytes = ORDER,
    act: Callable[[], Answer] | None = None,
    operation: str = "redeem",
) -> Answer:
    return once(
        session,
        operation=operation,
        key=key,
        input_hash=order,
        act=act or _act(session),
        refuse=_refuse,
        at=AT,
    )


def test_the_second_is_told_what_the_first_was(shop: TestTenant) -> None:
    with transaction(shop.id) as session:
        assert _once(session) == Answer(201, '{"effect":1}')
    with transaction(shop.id) as session:
        assert _once(session) == Answer(201, '{"effect":1}', replayed=True)
        assert _effects(session) == 1


def test_another_key_operation_or_tenant_is_another_act(shop: TestTenant, session: Session) -> None:
    with transaction(shop.id) as ours:
        assert _once(ours, "k").body == '{"effect":1}'
        assert _once(ours, "K").body == '{"effect":2}'
        assert _once(ours, "k", operation="adjust").body == '{"effect":3}'
    assert _once(session, act=lambda: Answer(201, "theirs")) == Answer(201, "theirs")


def test_another_input_under_the_key_is_refused_and_changes_nothing(shop: TestTenant) -> None:
    with transaction(shop.id) as session:
        _once(session)
    with pytest.raises(IdempotencyMismatch), transaction(shop.id) as session:
        _once(session, order=OTHER_ORDER)
    with transaction(shop.id) as session:
        assert _once(session).replayed
        assert _effects(session) == 1


def test_a_business_refusal_undoes_the_act_and_is_remembered(shop: TestTenant) -> None:
    def refused_late() -> Answer:
        _act(session)()
        raise Refused("not today")

    with transaction(shop.id) as session:
        assert _once(session, act=refused_late) == Answer(409, "refused_for_a_test")
        assert _effects(session) == 0
    with transaction(shop.id) as session:
        assert _once(session) == Answer(409, "refused_for_a_test", replayed=True)
        assert _effects(session) == 0


@pytest.mark.parametrize("error", [Invalid("a field"), Problem("a bug"), RuntimeError("a bug")])
def test_other_failures_remember_nothing(shop: TestTenant, error: Exception) -> None:
    def failed_late() -> Answer:
        _act(session)()
        raise error

    with pytest.raises(type(error)), transaction(shop.id) as session:
        _once(session, act=failed_late)
    with transaction(shop.id) as session:
        assert _once(session) == Answer(201, '{"effect":1}')


def test_the_short_wait_for_a_key_leaves_the_lock_timeout_as_it_was(shop: TestTenant) -> None:
    with transaction(shop.id) as session:
        before = session.scalar(text("SHOW lock_timeout"))
        _once(session)
        assert session.scalar(text("SHOW lock_timeout")) == before == "5s"


def test_the_second_waits_for_the_first_and_is_told_its_answer(shop: TestTenant) -> None:
    acting, go_on = threading.Event(), threading.Event()

    def first() -> Answer:
        with transaction(shop.id) as session:

            def slow() -> Answer:
                acting.set()
                assert go_on.wait(10)
                return _act(session)()

            return _once(session, act=slow)

    def second() -> Answer:
        with transaction(shop.id) as session:
            return _once(session)

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first)
        assert acting.wait(10)
        other = threads.submit(second)
        _until_somebody_waits(shop.id)
        go_on.set()
        assert one.result() == Answer(201, '{"effect":1}')
        assert other.result() == Answer(201, '{"effect":1}', replayed=True)


def _until_somebody_waits(tenant_id: int) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database() AND query LIKE '%INSERT INTO idempotency%'"
    )
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while datetime.now(UTC) < deadline:
        with transaction(tenant_id) as session:
            if session.scalar(waiting):
                return
    raise AssertionError("nobody waits for the key")


def test_while_the_first_is_at_work_the_second_is_told_to_come_again(shop: TestTenant) -> None:
    with transaction(shop.id) as session:
        _once(session)
        with pytest.raises(IdempotencyInFlight) as told, transaction(shop.id) as second:
            _once(second)
        assert told.value.retry_after_s == 1
        assert not told.value.business
    with transaction(shop.id) as session:
        assert _once(session) == Answer(201, '{"effect":1}', replayed=True)


def test_many_at_once_are_one(shop: TestTenant) -> None:
    together = threading.Barrier(8)

    def request(_: int) -> Answer:
        together.wait(10)
        with transaction(shop.id) as session:
            return _once(session)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(request, range(8)))
    assert {answer.body for answer in answers} == {'{"effect":1}'}
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 7


_KILLED_IN_THE_MIDDLE = """
import sys
from tests.idempotency.test_once import _act, _once
from loyalty.transaction import transaction

with transaction(int(sys.argv[1])) as session:
    print(_once(session, act=_act(session)).body, flush=True)
    sys.stdin.read()
"""


def test_a_process_killed_before_its_commit_has_done_and_answered_nothing(
    shop: TestTenant,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED_IN_THE_MIDDLE, str(shop.id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == '{"effect":1}\n'
        process.kill()
    with transaction(shop.id) as session:
        assert _effects(session) == 0
        assert _once(session) == Answer(201, '{"effect":1}')


def test_keys_are_forgotten_after_thirty_days(shop: TestTenant) -> None:
    with transaction(shop.id) as session:
        _once(session)
    with across_tenants() as system:
        forget_old(system, AT + KEPT)
    with transaction(shop.id) as session:
        assert _once(session).replayed
    with across_tenants() as system:
        assert forget_old(system, AT + KEPT + timedelta(seconds=1)) >= 1
    with transaction(shop.id) as session:
        assert _once(session) == Answer(201, '{"effect":2}')
