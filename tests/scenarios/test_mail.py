"""Stories of mail: a real worker, a real SMTP server, and what stands in the mailbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import requests

from loyalty.cli import parts
from tests.notifications.mailbox import Mailbox, mailbox, plain
from tests.scenarios.door import Door, opened_door
from tests.stack import Process, Stack, until

SUBJECT = "1,000 points!"


@dataclass(frozen=True, slots=True)
class Post:
    """The stack with a mailer, whose SMTP server is `box`; `tick` is what beat does."""

    stack: Stack
    box: Mailbox
    mailer: Process

    def tick(self) -> None:
        """What happened is read, and what was found is sent."""
        for task in ("notifications.find", "notifications.send"):
            self.stack.tick(task, queue="mail")

    def settle(self) -> None:
        """Ticks, and waits until the mailer has done what it was asked to do before."""
        self.tick()
        until(lambda: self.stack.goes_through("mail"), "the mailer")


@pytest.fixture(scope="module")
def post(stack: Stack) -> Iterator[Post]:
    """One mailer for all the stories here."""
    with mailbox() as box:
        env = {
            "LOYALTY_SMTP_HOST": "localhost",
            "LOYALTY_SMTP_PORT": str(box.port),
            "LOYALTY_SMTP_SECURITY": "none",
            "LOYALTY_SMTP_TIMEOUT_S": "2",
            "LOYALTY_MAIL_FROM": "points@example.com",
            "LOYALTY_PUBLIC_URL": stack.base_url,
        }
        part = parts.mailer()
        mailer = stack.process(
            replace(part, env={**part.env, **env}), lambda: stack.goes_through("mail")
        )
        mailer.start()
        try:
            yield Post(stack, box, mailer)
        finally:
            mailer.stop()


def ann_of(door: Door) -> str:
    """Ann's address: each story has its own, as the mailbox is one for all."""
    return f"{door.tenant.slug}@example.com"


def written_to(stack: Stack, *, sandbox: bool = False, **mail: object) -> Door:
    """The door of a tenant whose program writes about this; Ann has an address."""
    door = opened_door(stack, sandbox=sandbox)
    door.open_program("wine", mail=mail)
    email = {"kind": "email", "value": ann_of(door)}
    body = {"member_id": "ann", "name": "Ann", "identifiers": [email]}
    assert door.call("POST", "/programs/wine/members", body).status_code == 201
    return door


def mails(door: Door) -> list[dict[str, object]]:
    """What the API tells of Ann's mails, the oldest first."""
    told = door.call("GET", "/programs/wine/members/ann/mails").json()["data"]
    return list(reversed(told))


def test_990_points__earns_20__one_mail_for_1000(post: Post) -> None:
    door = written_to(post.stack, milestone_every=1000)
    door.buy("ann", "990")
    post.settle()
    assert post.box.to(ann_of(door)) == []
    door.buy("ann", "20")
    post.tick()
    until(lambda: bool(post.box.to(ann_of(door))), "the mail")
    door.burn("ann", 600)
    door.buy("ann", "700")
    post.settle()
    post.settle()
    assert post.box.subjects(ann_of(door)) == [SUBJECT]
    assert [(one["kind"], one["status"]) for one in mails(door)] == [("milestone", "sent")]


def test_499_points__buys_for_1__a_mail_of_gold(post: Post) -> None:
    door = written_to(post.stack, tier_reached=True)
    door.buy("ann", "499")
    door.buy("ann", "1")
    post.tick()
    until(lambda: bool(post.box.to(ann_of(door))), "the mail")
    assert post.box.subjects(ann_of(door)) == ["You are Gold now"]


def test_a_reward_is_redeemed__its_code_comes_by_mail(post: Post) -> None:
    door = written_to(post.stack, reward_redeemed=True)
    reward = {
        "key": "v",
        "kind": "voucher",
        "points": 10,
        "texts": {"en": {"name": "A bottle"}},
        "vouchers": {"from": "generated"},
    }
    assert door.call("POST", "/programs/wine/rewards", reward).status_code == 201
    door.buy("ann", "100")
    path = "/programs/wine/members/ann/redemptions"
    made = door.call("POST", path, {"reward": "v"}, Idempotency_Key="k").json()
    post.tick()
    until(lambda: bool(post.box.to(ann_of(door))), "the mail")
    [message] = post.box.to(ann_of(door))
    assert str(message["Subject"]) == "Your reward: A bottle"
    assert made["voucher"]["code"] in plain(message)


def test_points_expire_in_a_month__a_mail_in_time(post: Post) -> None:
    door = written_to(post.stack, sandbox=True, expiring_days=30)
    patch = {"expiry": {"kind": "days", "n": 90}}
    assert door.call("PATCH", "/programs/wine", patch).status_code == 200
    until(lambda: door.buy("ann", "70", at=door.now()).status_code == 200, "the purchase")
    post.settle()
    door.advance("P50D")
    post.settle()
    assert post.box.to(ann_of(door)) == []
    door.advance("P12D")
    post.tick()
    until(lambda: bool(post.box.to(ann_of(door))), "the mail")
    post.settle()
    [subject] = post.box.subjects(ann_of(door))
    assert subject.startswith("70 points expire on 20")


def test_the_link_of_a_mail__one_click__no_more_mail(post: Post) -> None:
    door = written_to(post.stack, milestone_every=1000)
    door.buy("ann", "1000")
    post.tick()
    until(lambda: bool(post.box.to(ann_of(door))), "the mail")
    [message] = post.box.to(ann_of(door))
    link = str(message["List-Unsubscribe"]).strip("<>")
    assert link in plain(message)
    assert re.fullmatch(rf"{re.escape(post.stack.base_url)}/unsubscribe/[\w-]{{38}}", link)
    assert requests.get(link, timeout=10).status_code == 200
    one_click = {"List-Unsubscribe": "One-Click"}
    assert requests.post(link, data=one_click, timeout=10).status_code == 200
    door.buy("ann", "1000")
    post.settle()
    until(lambda: len(mails(door)) == 2, "the second cause")
    post.settle()
    until(lambda: mails(door)[1]["status"] == "skipped", "its end")
    assert mails(door)[1]["reason"] == "unsubscribed"
    assert len(post.box.to(ann_of(door))) == 1


def test_leaves__no_mail(post: Post) -> None:
    door = written_to(post.stack, milestone_every=1000)
    door.buy("ann", "1000")
    door.call("DELETE", "/programs/wine/members/ann")
    post.tick()
    until(lambda: [one["status"] for one in mails(door)] == ["skipped"], "its end")
    assert mails(door)[0]["reason"] == "not_active"
    assert post.box.to(ann_of(door)) == []


def test_a_mailer_killed_while_the_server_has_the_mail__no_second_one(post: Post) -> None:
    door = written_to(post.stack, milestone_every=1000)
    door.buy("ann", "1000")
    post.box.data[ann_of(door)] = "hang"  # taken, and nothing said
    post.tick()
    until(lambda: bool(post.box.to(ann_of(door))), "the mail")
    post.mailer.kill()
    post.box.data.clear()
    post.mailer.start()
    post.settle()
    post.settle()
    assert post.box.subjects(ann_of(door)) == [SUBJECT]
    assert [one["status"] for one in mails(door)] == ["sending"]  # for a while; then: unknown


def test_a_mailer_killed_before_the_server_is_asked__mail_goes_on(post: Post) -> None:
    door = written_to(post.stack, milestone_every=1000)
    door.buy("ann", "1000")
    post.mailer.kill()
    door.buy("ann", "1000")
    post.mailer.start()
    post.tick()
    until(lambda: len(post.box.to(ann_of(door))) == 2, "both mails")
    assert sorted(post.box.subjects(ann_of(door))) == [SUBJECT, "2,000 points!"]
