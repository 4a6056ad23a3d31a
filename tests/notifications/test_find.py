"""What is worth a mail is found in what happened, in whatever steps it happened, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.merge import Merge, merge
from loyalty.clock import wall_clock
from loyalty.ledger.post import post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.members.queries import lock_membership, membership_of
from loyalty.notifications.find import find_causes
from loyalty.notifications.rules import NEWS_FOR
from loyalty.programs.change_program import change_program
from loyalty.programs.queries import program_by_slug
from loyalty.redemption.capture import capture
from loyalty.redemption.redeem import Redeem
from loyalty.redemption.redeem_reward import RedeemReward
from loyalty.transaction import transaction
from tests.notifications.given import Bank, Noted, bank, noted, reached, writing
from tests.opened import AT, joined, opened, redeemed
from tests.rewards.given import offered, redeemed_reward
from tests.tenant import TestTenant


def milestones(of: Bank) -> list[int]:
    """The milestones that are known once everything has been read."""
    return [one.data["milestone"] for one in of.find() if one.kind == "milestone"]


def test_a_milestone_is_told_once(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=1000)
    wine.give(990)
    assert wine.find() == []
    wine.give(20)
    account = wine.do(lambda session: membership_of(session, wine.program.id, "ann").account_id)
    data = {"milestone": 1000, "points": 1010, "account": account, "version": 2}
    name = f"milestone {wine.ann} 1000"
    assert wine.find() == [Noted("milestone", name, data, "waiting", None, 0)]
    wine.give(-600)
    wine.give(700)
    assert milestones(wine) == [1000]
    wine.give(2500)
    assert milestones(wine) == [1000, 3000]
    wine.give(-3000)
    wine.give(1500)
    assert milestones(wine) == [1000, 3000]  # 2000 was passed on the way to 3000


def test_one_that_was_crossed_and_left_between_two_readings(tenant: TestTenant) -> None:
    wine = bank(tenant, milestones=(100, 500))
    for points in (150, -150, 600):
        wine.give(points)
    assert milestones(wine) == [100, 500]


def test_points_that_were_spent_pass_nothing_again(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=100)
    wine.give(100)
    wine.do(lambda session: redeemed(session, wine.program, Redeem(points=50)))
    wine.give(60)
    assert milestones(wine) == [100]


def test_what_was_before_is_not_told(tenant: TestTenant) -> None:
    wine = bank(tenant)
    wine.give(5000)

    def begin(session: Session) -> None:
        locked = program_by_slug(session, "wine", lock=True)
        change_program(session, locked, {"mail": {"milestone_every": 1000, "tier_reached": True}})

    wine.do(begin)
    wine.give(-4500)
    wine.give(4500)
    assert wine.find() == []
    wine.give(1000)
    assert milestones(wine) == [6000]


def test_what_happens_before_the_first_reading_is_told(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=1000)
    wine.give(1000)
    assert milestones(wine) == [1000]


def test_what_was_brought_from_elsewhere_is_passed_in_silence(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=1000)

    def bring(session: Session) -> None:
        _, account = lock_membership(session, wine.program.id, "ann")
        account.issue(Kind.OPENING, Bucket.ISSUED, 5000, cause_id=uuid4(), occurred_at=AT)
        post(session, [account], AT)

    wine.do(bring)
    wine.give(-4000)
    wine.give(4000)
    assert wine.find() == []
    wine.give(1000)
    assert milestones(wine) == [6000]


def test_nothing_is_read_for_who_writes_about_nothing(tenant: TestTenant) -> None:
    wine = bank(tenant)
    wine.give(5000)
    assert wine.find() == []
    assert wine.do(lambda session: session.scalar(text("SELECT count(*) FROM mail_reader"))) == 0


def test_each_program_by_its_own_wish(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=10)

    def others(session: Session) -> None:
        for program in (writing(session, "air", milestone_every=100), opened(session, "quiet")):
            joined(session, program, points=50)

    wine.do(others)
    wine.give(50)
    assert milestones(wine) == [50]


def test_a_tier_that_was_reached_and_not_one_that_was_lost(tenant: TestTenant) -> None:
    wine = bank(tenant, tier_reached=True)
    wine.give(500)
    wine.give(500)
    wine.give(-900)
    assert [(one.kind, one.data["tier"]) for one in wine.find()] == [
        ("tier_reached", "gold"),
        ("tier_reached", "platinum"),
    ]


def test_a_reward_and_not_an_amount(tenant: TestTenant) -> None:
    wine = bank(tenant, reward_redeemed=True)
    wine.give(500)
    wine.do(lambda session: offered(session, wine.program, "mug"))
    made = wine.do(lambda session: redeemed_reward(session, wine.program, RedeemReward("mug")))
    wine.do(lambda session: redeemed(session, wine.program, Redeem(points=50)))
    [one] = wine.find()
    assert (one.kind, one.cause) == ("reward_redeemed", f"redemption {made.id}")


def test_a_held_reward_once_it_is_captured(tenant: TestTenant) -> None:
    wine = bank(tenant, reward_redeemed=True)
    wine.give(500)
    wine.do(lambda session: offered(session, wine.program, "mug"))
    order = RedeemReward("mug", hold_s=600)
    held = wine.do(lambda session: redeemed_reward(session, wine.program, order))
    assert wine.find() == []
    wine.do(lambda session: capture(session, held.id, None, By("test", None, AT)))
    [one] = wine.find()
    assert (one.kind, one.cause) == ("reward_redeemed", f"redemption {held.id}")


def test_reading_again_finds_nothing_new(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=100, tier_reached=True)
    wine.give(550)
    first = wine.find()
    assert len(first) == 2
    back = text("UPDATE mail_reader SET after = repeat('0', 48)")
    wine.do(lambda session: session.execute(back))
    assert wine.find() == first


def test_many_who_read_at_once_find_each_once(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=100)
    for _ in range(20):
        wine.give(100)
    with ThreadPoolExecutor(6) as threads:
        for reading in [threads.submit(wine.find) for _ in range(6)]:
            reading.result()
    assert sorted(milestones(wine)) == list(range(100, 2100, 100))


def test_who_comes_second_leaves_it_to_the_first(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=100)
    wine.give(100)
    with transaction(tenant.id) as session:
        find_causes(session, AT, wall_clock())
        assert wine.find() == []  # at once: it waits for nobody
    assert milestones(wine) == [100]


def test_a_reading_that_is_undone_is_done_again(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=100)
    wine.give(100)

    def killed(session: Session) -> None:
        find_causes(session, AT, wall_clock())
        assert len(noted(session)) == 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        wine.do(killed)
    assert wine.do(noted) == []
    assert milestones(wine) == [100]


def test_old_news_are_not_told(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=100)
    wine.give(250)
    ago = {"at": wall_clock() - NEWS_FOR - timedelta(seconds=1)}
    late = text("UPDATE mail_reader SET read_at = :at")
    wine.do(lambda session: session.execute(late, ago))
    assert wine.find() == []
    wine.give(100)
    assert milestones(wine) == [300]


def test_of_two_who_became_one_the_heir_is_told(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=1000)
    wine.do(lambda session: reached(session, wine.program, "ben"))
    wine.give(600)
    wine.give(1600, "ben")
    order = Merge("ben", "ann", "one person")
    wine.do(lambda session: merge(session, order, by=By("test", None, AT)))
    assert [one.cause for one in wine.find()] == [
        f"milestone {wine.ann} 1000",
        f"milestone {wine.ann} 2000",
    ]


def test_what_has_ended_never_begins_again(tenant: TestTenant) -> None:
    wine = bank(tenant, milestone_every=100)
    wine.give(250)
    wine.find()
    end = text("UPDATE notification SET status = 'sent', try_at = NULL, ended_at = now()")
    wine.do(lambda session: session.execute(end))
    again = text("UPDATE notification SET status = 'waiting', try_at = now(), ended_at = NULL")
    with pytest.raises(IntegrityError, match="never sent again"):
        wine.do(lambda session: session.execute(again))
