"""Workers at once, killed and late; what waits too long, what is forgotten, and who may read."""

from __future__ import annotations

import threading
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from loyalty.clock import wall_clock
from loyalty.tasks import webhooks as task
from loyalty.tasks.webhooks import deliver, deliver_round, forget
from loyalty.transaction import across_tenants, transaction
from loyalty.webhooks.next_round import next_round
from loyalty.webhooks.queries import with_work
from loyalty.webhooks.settle import settle_round
from tests.tenant import TestTenant
from tests.webhooks.given import hooked, let_time_pass, rounds, say, state, waiting
from tests.webhooks.receiver import Message, Receiver


def test_a_killed_worker_loses_nothing(tenant: TestTenant, receiver: Receiver) -> None:
    """Killed with messages in hand: whoever comes a minute later sends them."""
    webhook, _ = hooked(tenant, receiver.url)
    say(tenant, "ann", "bob")
    with transaction(tenant.id) as session:
        taken = next_round(session, webhook, uuid4(), wall_clock())
    assert taken is not None
    assert len(taken.deliveries) == 2
    say(tenant, "ann")
    assert rounds(tenant, webhook) == 0
    let_time_pass(tenant, webhook, secs=61)
    with across_tenants() as session:
        assert (tenant.id, webhook) in with_work(session, wall_clock(), most=1000, most_slow=1000)
    assert rounds(tenant, webhook) >= 1
    assert sorted(receiver.subjects) == ["member ann", "member ann", "member bob"]
    assert [one.attempts for one in waiting(tenant, webhook)] == [2, 2, 1]


def test_two_workers_at_once_send_each_message_once(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    say(tenant, *(f"m-{number}" for number in range(50)))
    threads = [threading.Thread(target=deliver, args=(tenant.id, str(webhook))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rounds(tenant, webhook)
    assert len(receiver.came) == 50
    assert len(set(receiver.subjects)) == 50
    assert receiver.most_at_once <= 4
    assert state(tenant, webhook).held_by is None


def test_who_settles_too_late_changes_nothing(tenant: TestTenant, receiver: Receiver) -> None:
    """A worker that hung for longer than it may hold: another has delivered meanwhile."""
    webhook, _ = hooked(tenant, receiver.url)
    say(tenant, "ann")
    with transaction(tenant.id) as session:
        slow = next_round(session, webhook, uuid4(), wall_clock())
    assert slow is not None
    let_time_pass(tenant, webhook, secs=61)
    rounds(tenant, webhook)
    with transaction(tenant.id) as session:
        settle_round(session, slow, [(one, None) for one in slow.deliveries], wall_clock())
    [one] = waiting(tenant, webhook)
    assert (one.status, one.attempts) == ("delivered", 2)


def test_what_is_taken_out_while_it_is_sent_is_forgotten(
    tenant: TestTenant, receiver: Receiver
) -> None:
    webhook, _ = hooked(tenant, receiver.url)

    def answer(_: Message) -> int:
        with transaction(tenant.id) as session:
            session.execute(text("DELETE FROM webhook WHERE id = :id"), {"id": webhook})
        return 200

    receiver.answer = answer
    say(tenant, "ann")
    assert deliver_round(tenant.id, webhook, uuid4())
    assert waiting(tenant, webhook) == []


def test_the_feed_keeps_what_does_not_fit(
    tenant: TestTenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loyalty.webhooks.lay_out.MOST_WAITING", 3)
    webhook, _ = hooked(tenant, receiver.url)
    receiver.answer = lambda message: 500
    say(tenant, *(f"m-{number}" for number in range(10)))
    rounds(tenant, webhook)
    assert len(waiting(tenant, webhook)) == 3
    receiver.answer = lambda message: 200
    for _ in range(5):
        let_time_pass(tenant, webhook, secs=10)
        rounds(tenant, webhook)
    told = [one.status for one in waiting(tenant, webhook)]
    assert told == ["delivered"] * 10


def test_of_those_that_fail_or_are_slow_a_few_are_at_work(
    tenant: TestTenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are, threads are left for the others, who come first."""
    slow, new, failing, quick = (hooked(tenant, receiver.url)[0] for _ in range(4))
    say(tenant, "ann")
    rounds(tenant, quick)
    with monkeypatch.context() as patch:
        patch.setattr("loyalty.webhooks.rules.SLOW_MS", -1)
        rounds(tenant, slow)
    receiver.answer = lambda message: 500
    rounds(tenant, failing)
    let_time_pass(tenant, failing, secs=60)
    say(tenant, "bob")

    def chosen(most_slow: int) -> list[UUID]:
        with across_tenants() as session:
            found = with_work(session, wall_clock(), most=1000, most_slow=most_slow)
        return [webhook for _, webhook in found if webhook in {slow, new, failing, quick}]

    assert chosen(1000)[0] == quick
    assert set(chosen(1000)) == {slow, new, failing, quick}
    assert chosen(0) == [quick]
    with transaction(tenant.id) as session:
        assert next_round(session, new, uuid4(), wall_clock()) is not None
    assert set(chosen(1000)) == {slow, failing, quick}
    assert chosen(1) == [quick]  # one is at work
    receiver.answer = lambda message: 200
    rounds(tenant, slow)
    assert state(tenant, slow).rests_until is None  # it was quick


def test_old_deliveries_are_forgotten(
    tenant: TestTenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "FORGOTTEN_A_BATCH", 2)
    webhook, _ = hooked(tenant, receiver.url)
    say(tenant, "a", "b", "c", "d", "e")
    rounds(tenant, webhook)
    with transaction(tenant.id) as session:
        session.execute(
            text("UPDATE webhook_delivery SET status = 'dead' WHERE subject = 'member a'")
        )
        session.execute(
            text("UPDATE webhook_delivery SET status = 'pending' WHERE subject = 'member b'")
        )
    let_time_pass(tenant, webhook, days=8)
    say(tenant, "f")
    forget()
    left = [one.subject for one in waiting(tenant, webhook)]
    assert left == ["member a", "member b"]
    let_time_pass(tenant, webhook, days=30)
    forget()
    assert [one.subject for one in waiting(tenant, webhook)] == ["member b"]


def test_the_system_role_sees_no_secret_and_no_body(tenant: TestTenant, receiver: Receiver) -> None:
    hooked(tenant, receiver.url)
    for column, table in (("secret", "webhook"), ("url", "webhook"), ("body", "webhook_delivery")):
        with pytest.raises(Exception, match="permission denied"), across_tenants() as session:
            session.execute(text(f"SELECT {column} FROM {table}"))
