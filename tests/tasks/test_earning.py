"""The tasks as workers run them: keys in Redis, wake-ups on the queue, the watch of the parked."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.embedded.valkey import free_port
from loyalty.ledger.rules import Balance
from loyalty.programs.queries import Program
from loyalty.tasks import in_hand
from loyalty.tasks.earning import DEEP, award, park_watch, sweep
from loyalty.tasks.queue import client
from loyalty.transaction import transaction
from tests.earning.given import bought, open_ids, setback, status, stored
from tests.elsewhere import redis_at
from tests.opened import balance, joined, opened
from tests.stack import until
from tests.tenant import TestTenant

pytestmark = pytest.mark.usefixtures("alone")
LONG_AGO = wall_clock() - timedelta(hours=1)


@pytest.fixture
def program(tenant: TestTenant) -> Iterator[Program]:
    client().flushdb()
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
    yield program
    with transaction(tenant.id) as session:
        session.execute(text("DELETE FROM unsettled"))


def accepted(tenant: TestTenant, program: Program, member_id: str = "ann") -> UUID:
    with transaction(tenant.id) as session:
        [purchase] = stored(session, program, bought("1", member_id), at=LONG_AGO)
    return purchase


def run(tenant: TestTenant, *ids: UUID, task_id: str = "") -> None:
    """As a worker runs a message."""
    award.apply(
        args=(tenant.id, [str(one) for one in ids]), task_id=task_id or str(uuid4()), throw=True
    )


def messages() -> list[tuple[int, list[UUID]]]:
    """Takes the wake-ups off the queue: tenant and ids."""
    taken = []
    while isinstance(raw := client().rpop("award"), bytes):
        (tenant_id, ids), *_ = json.loads(b64decode(json.loads(raw)["body"]))
        taken.append((tenant_id, [UUID(one) for one in ids]))
    return taken


def keys() -> list[bytes]:
    return list(client().scan_iter("loyalty:in-hand:*"))


def test_a_message_is_judged_and_leaves_nothing_in_hand(
    tenant: TestTenant, program: Program
) -> None:
    purchase = accepted(tenant, program)
    run(tenant, purchase)
    with transaction(tenant.id) as session:
        assert balance(session, program) == Balance(available=1)
    assert keys() == []


def test_what_another_worker_has_in_hand_is_left_to_it(
    tenant: TestTenant, program: Program
) -> None:
    purchase = accepted(tenant, program)
    with transaction(tenant.id) as session:  # so that it is not topped up either
        session.execute(text("UPDATE unsettled SET tries = 3"))
    in_hand.take(tenant.id, [str(purchase)], "another")
    run(tenant, purchase)
    with transaction(tenant.id) as session:
        assert open_ids(session) == [purchase]
    assert len(keys()) == 1


def test_a_message_of_which_another_has_all_takes_what_else_is_open(
    tenant: TestTenant, program: Program
) -> None:
    named, other = accepted(tenant, program), accepted(tenant, program)
    with transaction(tenant.id) as session:  # so that it is not topped up
        session.execute(
            text("UPDATE unsettled SET tries = 3 WHERE activity_id = :id"), {"id": named}
        )
    in_hand.take(tenant.id, [str(named)], "another")
    run(tenant, named)
    with transaction(tenant.id) as session:
        assert (status(session, other), open_ids(session)) == ("awarded", [named])


def test_the_message_of_a_killed_worker_goes_on_under_its_own_keys(
    tenant: TestTenant, program: Program
) -> None:
    purchase = accepted(tenant, program)
    in_hand.take(tenant.id, [str(purchase)], "the-message")
    run(tenant, purchase, task_id="the-message")
    with transaction(tenant.id) as session:
        assert status(session, purchase) == "awarded"


def test_an_error_gives_back_what_was_in_hand(tenant: TestTenant, program: Program) -> None:
    purchase = accepted(tenant, program)
    with pytest.raises(Exception, match="out of range"):
        award.apply(args=(2**31, [str(purchase)]), throw=True)
    assert keys() == []


def test_what_was_parked_and_enrolled_at_once_does_not_find_itself_in_hand(
    tenant: TestTenant, program: Program
) -> None:
    purchase = accepted(tenant, program, "bob")
    run(tenant, purchase)
    with transaction(tenant.id) as session:
        assert status(session, purchase) == "parked"
        joined(session, program, "bob")
    run(tenant, purchase)
    with transaction(tenant.id) as session:
        assert balance(session, program, "bob") == Balance(available=1)


def test_without_redis_a_message_in_hand_is_judged(tenant: TestTenant, program: Program) -> None:
    purchase = accepted(tenant, program)
    with redis_at(f"redis://127.0.0.1:{free_port()}/0"):
        run(tenant, purchase)
    with transaction(tenant.id) as session:
        assert status(session, purchase) == "awarded"


def test_the_sweep_sends_what_is_open(tenant: TestTenant, program: Program) -> None:
    purchase = accepted(tenant, program)
    sweep()
    assert (tenant.id, [purchase]) in messages()
    sweep()
    assert messages() == []  # sent a moment ago


def test_a_deep_queue_is_not_made_deeper(tenant: TestTenant, program: Program) -> None:
    purchase = accepted(tenant, program)
    client().rpush("award", *["{}"] * (DEEP + 1))
    sweep()
    client().lrem("award", 0, "{}")
    assert (tenant.id, [purchase]) not in messages()
    sweep()
    assert (tenant.id, [purchase]) in messages()
    with transaction(tenant.id) as session:
        assert open_ids(session) == [purchase]


def test_without_redis_the_sweep_counts_no_resend(tenant: TestTenant, program: Program) -> None:
    accepted(tenant, program)
    with redis_at(f"redis://127.0.0.1:{free_port()}/0"):
        sweep()
    with transaction(tenant.id) as session:
        assert session.execute(text("SELECT tries, sent_at FROM unsettled")).all() == [(0, None)]


def test_the_watch_wakes_what_can_go_on_and_ends_what_waited_too_long(
    tenant: TestTenant, program: Program
) -> None:
    goes_on, too_late = (accepted(tenant, program, name) for name in ("bob", "carl"))
    with transaction(tenant.id) as worker:
        award_activities(worker, [goes_on, too_late], wall_clock())
        with transaction(tenant.id) as till:  # neither sees what the other does
            joined(till, program, "bob")
    with transaction(tenant.id) as session:
        session.execute(
            text("UPDATE setback SET until = :past WHERE activity_id = :id"),
            {"past": wall_clock() - timedelta(seconds=1), "id": too_late},
        )
    park_watch()
    with transaction(tenant.id) as session:
        assert setback(session, too_late) == ("rejected", "park_expired")
        assert open_ids(session) == [goes_on]
    until(lambda: (tenant.id, [goes_on]) in messages(), "the wake-up of what can go on")
