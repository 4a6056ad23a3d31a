"""Stories of a shop whose other systems are told what happens: real web, workers and courier."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator

import pytest

from tests.scenarios.door import Door, opened_door
from tests.servers import Own
from tests.stack import Stack, until
from tests.webhooks.given import let_time_pass
from tests.webhooks.receiver import Message, Receiver, receiving


class _Inside(Own):
    """The same servers, for a house whose partners are inside it."""

    def __init__(self, own: Own) -> None:
        self.__dict__.update(own.__dict__)

    def environment(self) -> dict[str, str]:
        """With the setting that lets webhooks lead to loopback."""
        return {**super().environment(), "LOYALTY_PRIVATE_ADDRESSES": "1"}


@pytest.fixture(scope="module")
def courier(database: Own) -> Iterator[Stack]:
    """A stack with a courier, whose webhooks may lead to loopback."""
    with Stack(_Inside(database)) as stack:
        stack.sweeper.start()
        stack.courier.start()
        yield stack


@pytest.fixture
def shop(courier: Stack) -> Door:
    """A tenant with the program "wine", and ann."""
    door = opened_door(courier)
    door.open_program()
    door.enrol("ann")
    return door


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The shop's other system."""
    with receiving() as receiver:
        yield receiver


def _hook(shop: Door, receiver: Receiver, **more: object) -> tuple[str, str]:
    made = shop.call("POST", "/webhooks", {"url": receiver.url, **more})
    assert made.status_code == 201, made.text
    return made.json()["id"], made.json()["secret"]


def _heard(courier: Stack, receiver: Receiver, count: int, within_s: float = 15) -> None:
    """Beat's ticks, until so many messages have come."""

    def ticked() -> bool:
        courier.tick("webhooks.sweep")
        time.sleep(0.1)
        return len(receiver.came) >= count

    until(ticked, f"{count} messages, {len(receiver.came)} came", within_s)


def test_buys_and_burns__the_other_system_hears_it_in_order(
    courier: Stack, shop: Door, receiver: Receiver
) -> None:
    _, secret = _hook(shop, receiver)
    shop.buy("ann", "500")
    shop.burn("ann", 120)
    _heard(courier, receiver, 3)
    told = [one.event for one in receiver.came]
    assert [(one["type"], one["subject"]) for one in told] == [
        ("points.earned.v1", "member ann"),
        ("tier.changed.v1", "member ann"),
        ("points.redeemed.v1", "member ann"),
    ]
    assert [one["data"]["balance"]["available"] for one in told[::2]] == [500, 380]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    for one in receiver.came:
        said = one.headers
        signed = f"{said['webhook-id']}.{said['webhook-timestamp']}.".encode() + one.body
        mark = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        assert said["webhook-signature"] == f"v1,{mark}"
    assert shop.call("GET", "/events?type=points.earned.v1").json()["data"] == told[:1]


def test_a_slow_one_slows_no_other(courier: Stack, shop: Door, receiver: Receiver) -> None:
    go_on = threading.Event()

    def wait(_: Message) -> int:
        go_on.wait(20)
        return 200

    with receiving() as slow:
        slow.answer = wait
        _hook(shop, slow)
        _hook(shop, receiver)
        for number in range(8):
            shop.enrol(f"m-{number}")
        _heard(courier, slow, 4)
        shop.enrol("late")
        _heard(courier, receiver, 9)
        assert len(slow.came) == slow.most_at_once == 4
        go_on.set()
        _heard(courier, slow, 9)


def test_the_courier_is_killed__nothing_is_lost(
    courier: Stack, shop: Door, receiver: Receiver
) -> None:
    hook, _ = _hook(shop, receiver)
    go_on = threading.Event()

    def wait(_: Message) -> int:
        go_on.wait(20)
        return 200

    receiver.answer = wait
    for number in range(8):
        shop.enrol(f"m-{number}")
    _heard(courier, receiver, 4)
    courier.courier.kill()
    go_on.set()
    courier.courier.start()
    let_time_pass(shop.tenant, hook, secs=61)  # type: ignore[arg-type]  # its text does as well

    def all_heard() -> bool:
        courier.tick("webhooks.sweep")
        time.sleep(0.1)
        return {one.subject for one in receiver.came} == {f"member m-{n}" for n in range(8)}

    until(all_heard, "every member's joining to be told", 20)
    told = shop.call("GET", f"/webhooks/{hook}/deliveries").json()["data"]
    until(lambda: shop.call("GET", f"/webhooks/{hook}").json()["waiting"] == 0, "all to be settled")
    assert len(told) == 8
    by_member = {one.subject: one.headers["webhook-id"] for one in receiver.came}
    assert len({one.headers["webhook-id"] for one in receiver.came}) == len(by_member) == 8


def test_a_private_address__is_never_called(stack: Stack, receiver: Receiver) -> None:
    """Without the setting: refused where it stands, not called where a name leads to it."""
    door = opened_door(stack)
    for url in (receiver.url, "https://127.0.0.1/"):
        refused = door.call("POST", "/webhooks", {"url": url})
        assert refused.json()["errors"][0]["code"] == "not_callable"
    assert door.call("POST", "/webhooks", {"url": "https://localhost/"}).status_code == 201
