"""Messages arrive: signed, at least once, in the order of each member, whatever happens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import timedelta

from sqlalchemy import text

from loyalty.clock import wall_clock
from loyalty.events.feed import Place
from loyalty.transaction import across_tenants, transaction
from loyalty.webhooks.lay_out import add_test
from loyalty.webhooks.queries import webhook_by_id, with_work
from loyalty.webhooks.rules import WAITS
from loyalty.webhooks.save import change_webhook, replay, rotate_secret
from loyalty.webhooks.settle import try_again
from tests.tenant import TestTenant
from tests.webhooks.given import BY, hooked, let_time_pass, rounds, say, state, waiting
from tests.webhooks.receiver import Message, Receiver, receiving


def _verify(message: Message, *secrets: str) -> None:
    """As a receiver does it."""
    headers = message.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + message.body
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    expected = [
        "v1,"
        + base64.b64encode(
            hmac.digest(base64.b64decode(one.removeprefix("whsec_")), signed, hashlib.sha256)
        ).decode()
        for one in secrets
    ]
    assert headers["webhook-signature"].split(" ") == expected


def test_what_happens_is_told_and_signed(tenant: TestTenant, receiver: Receiver) -> None:
    say(tenant, "before")
    webhook, secret = hooked(tenant, receiver.url)
    say(tenant, "ann", "bob")
    assert rounds(tenant, webhook) == 1
    assert sorted(receiver.subjects) == ["member ann", "member bob"]
    for message in receiver.came:
        _verify(message, secret)
        assert message.headers["webhook-id"] == message.event["id"]
        assert message.headers["content-type"] == "application/cloudevents+json"
        assert message.event["type"] == "member.left.v1"
        assert message.event["source"] == f"/tenants/{tenant.slug}"
    assert [(one.status, one.answered, one.attempts) for one in waiting(tenant, webhook)] == [
        ("delivered", 200, 1)
    ] * 2
    assert rounds(tenant, webhook) == 0


def test_only_what_was_chosen_is_told(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, _ = hooked(tenant, receiver.url, types=["tier.changed.v1"])
    say(tenant, "ann")
    assert rounds(tenant, webhook) == 0
    assert receiver.came == []
    with across_tenants() as session:  # and its cursor has gone on, so that nobody comes again
        assert (tenant.id, webhook) not in with_work(
            session, wall_clock(), most=1000, most_slow=1000
        )


def test_one_member_s_failure_holds_back_that_member_alone(
    tenant: TestTenant, receiver: Receiver
) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    receiver.answer = lambda message: 500 if message.subject == "member ann" else 200
    say(tenant, "ann", "ann", "bob", "ann", "bob")
    rounds(tenant, webhook)
    assert receiver.subjects.count("member ann") == 1
    assert receiver.subjects.count("member bob") == 2
    say(tenant, "ann", "bob")
    rounds(tenant, webhook)
    assert receiver.subjects.count("member ann") == 1
    assert receiver.subjects.count("member bob") == 3
    with across_tenants() as session:  # nobody comes for what waits behind another
        assert (tenant.id, webhook) not in with_work(
            session, wall_clock(), most=1000, most_slow=1000
        )
    receiver.answer = lambda message: 200
    receiver.came.clear()
    let_time_pass(tenant, webhook, secs=6)
    rounds(tenant, webhook)
    assert receiver.subjects == ["member ann"] * 4
    sequence = [one.event["sequence"] for one in receiver.came]
    assert sequence == sorted(sequence)


def test_a_try_again_has_the_same_id_and_a_fresh_signature(
    tenant: TestTenant, receiver: Receiver
) -> None:
    webhook, secret = hooked(tenant, receiver.url)
    receiver.answer = lambda message: 503
    say(tenant, "ann")
    rounds(tenant, webhook)
    let_time_pass(tenant, webhook, secs=6)
    receiver.answer = lambda message: 200
    rounds(tenant, webhook)
    first, second = receiver.came
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    for message in receiver.came:
        _verify(message, secret)


def test_it_is_tried_ten_times_and_then_dead_and_the_next_goes_on(
    tenant: TestTenant, receiver: Receiver
) -> None:
    webhook, _ = hooked(tenant, receiver.url)

    def answer(message: Message) -> int:
        return 500 if message.event["id"] == receiver.came[0].event["id"] else 200

    receiver.answer = answer
    say(tenant, "ann", "ann")
    for _ in range(len(WAITS) + 1):
        rounds(tenant, webhook)
        let_time_pass(tenant, webhook, hours=27)
        with transaction(tenant.id) as session:  # others are delivered meanwhile
            session.execute(text("UPDATE webhook SET failing_since = NULL"))
    rounds(tenant, webhook)
    assert len(receiver.came) == len(WAITS) + 2
    assert [(one.status, one.attempts) for one in waiting(tenant, webhook)] == [
        ("dead", len(WAITS) + 1),
        ("delivered", 1),
    ]


def test_those_behind_one_that_waited_need_not_wait_on(
    tenant: TestTenant, receiver: Receiver
) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    receiver.answer = lambda message: 500
    say(tenant, "ann", "ann", "ann")
    rounds(tenant, webhook)
    first, *others = waiting(tenant, webhook)
    assert [one.due_at for one in others] == [first.due_at] * 2
    receiver.answer = lambda message: 200
    with transaction(tenant.id) as session:
        try_again(session, webhook_by_id(session, webhook, lock=True), first.id, wall_clock())
    rounds(tenant, webhook)
    assert receiver.subjects == ["member ann"] * 4


def test_who_asks_for_time_gets_it(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    receiver.answer = lambda message: 429
    receiver.headers = {"Retry-After": "3600"}
    say(tenant, "ann")
    rounds(tenant, webhook)
    [one] = waiting(tenant, webhook)
    assert one.due_at - wall_clock() > timedelta(minutes=59)


def test_redirects_are_not_followed(tenant: TestTenant, receiver: Receiver) -> None:
    with receiving() as other:
        webhook, _ = hooked(tenant, receiver.url)
        receiver.answer = lambda message: 307
        receiver.headers = {"Location": other.url}
        say(tenant, "ann")
        rounds(tenant, webhook)
        assert other.came == []
    [one] = waiting(tenant, webhook)
    assert one.error == "It answered 307; redirects are not followed."


def test_nobody_listens__it_is_tried_again(tenant: TestTenant) -> None:
    with receiving() as gone:
        url = gone.url
    webhook, _ = hooked(tenant, url)
    say(tenant, "ann")
    rounds(tenant, webhook)
    [one] = waiting(tenant, webhook)
    assert (one.status, one.answered, one.attempts) == ("pending", None, 1)
    assert "failed" in one.error
    assert state(tenant, webhook).failing_since is not None


def test_a_failing_endpoint_rests_and_is_tried_with_a_few(
    tenant: TestTenant, receiver: Receiver
) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    receiver.answer = lambda message: 500
    say(tenant, *(f"m-{number}" for number in range(200)))
    assert rounds(tenant, webhook) == 1
    assert len(receiver.came) == 100
    let_time_pass(tenant, webhook, secs=3)
    assert rounds(tenant, webhook) == 1
    assert len(receiver.came) == 104
    receiver.answer = lambda message: 200
    let_time_pass(tenant, webhook, secs=10)
    assert rounds(tenant, webhook) == 3
    assert {one.status for one in waiting(tenant, webhook)} == {"delivered"}


def test_while_a_secret_changes_both_sign(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, old = hooked(tenant, receiver.url)
    with transaction(tenant.id) as session:
        present = webhook_by_id(session, webhook, lock=True)
        by = BY.__class__(BY.actor, BY.request_id, wall_clock())
        new = rotate_secret(session, present, timedelta(hours=1), by)
    say(tenant, "ann")
    rounds(tenant, webhook)
    _verify(receiver.came[-1], new, old)
    let_time_pass(tenant, webhook, hours=2)
    say(tenant, "ann")
    rounds(tenant, webhook)
    _verify(receiver.came[-1], new)


def test_a_test_arrives_whatever_was_chosen(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, secret = hooked(tenant, receiver.url, types=["tier.changed.v1"])
    for _ in range(2):
        with transaction(tenant.id) as session:
            add_test(session, webhook, wall_clock())
    rounds(tenant, webhook)
    assert [one.event["type"] for one in receiver.came] == ["webhook.test.v1"] * 2
    _verify(receiver.came[0], secret)


def test_what_was_told_is_told_again_from_a_cursor(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    say(tenant, "ann")
    say(tenant, "bob")
    rounds(tenant, webhook)
    first, second = sorted(receiver.came, key=lambda one: str(one.event["sequence"]))
    receiver.came.clear()
    with transaction(tenant.id) as session:
        present = webhook_by_id(session, webhook, lock=True)
        replay(session, present, Place.parse(first.event["sequence"]), BY)
    rounds(tenant, webhook)
    assert [one.body for one in receiver.came] == [second.body]
    assert receiver.came[0].headers["webhook-id"] == second.headers["webhook-id"]
    assert [one.status for one in waiting(tenant, webhook)] == ["delivered"] * 2


def test_days_of_failure_disable_it_and_say_so(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    other_url = receiver.url
    receiver.answer = lambda message: 500
    say(tenant, "ann")
    rounds(tenant, webhook)
    let_time_pass(tenant, webhook, days=5)
    rounds(tenant, webhook)
    then = state(tenant, webhook)
    assert (then.status, then.disabled_reason) == (
        "disabled",
        "Nothing was delivered for days. It answered 500.",
    )
    assert rounds(tenant, webhook) == 0
    with transaction(tenant.id) as session:
        told = session.execute(
            text("SELECT data FROM event WHERE type = 'webhook.disabled'")
        ).scalars()
        assert [one["reason"] for one in told] == [then.disabled_reason]
        acts = session.execute(text("SELECT actor, act FROM audit_record ORDER BY id")).all()
        assert tuple(acts[-1]) == (":webhooks", "webhook.disable")
    receiver.answer = lambda message: 200
    receiver.came.clear()
    with transaction(tenant.id) as session:
        present = webhook_by_id(session, webhook, lock=True)
        change_webhook(session, present, {"status": "active"}, BY)
    rounds(tenant, webhook)
    assert other_url == receiver.url
    assert sorted(receiver.subjects) == ["member ann", f"webhook {webhook}"]


def test_who_says_gone_is_left_alone(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    receiver.answer = lambda message: 410
    say(tenant, "ann")
    rounds(tenant, webhook)
    assert state(tenant, webhook).status == "disabled"


def test_a_dead_one_can_be_tried_again(tenant: TestTenant, receiver: Receiver) -> None:
    webhook, _ = hooked(tenant, receiver.url)
    receiver.answer = lambda message: 500
    say(tenant, "ann")
    rounds(tenant, webhook)
    [one] = waiting(tenant, webhook)
    receiver.answer = lambda message: 200
    with transaction(tenant.id) as session:
        try_again(session, webhook_by_id(session, webhook, lock=True), one.id, wall_clock())
    rounds(tenant, webhook)
    assert [(one.status, one.attempts) for one in waiting(tenant, webhook)] == [("delivered", 1)]
