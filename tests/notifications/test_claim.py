"""A mail is marked, sent, and settled: once at most, and never to whom it is not for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from loyalty.audit.by import By
from loyalty.care.erase import erase
from loyalty.care.leave import leave
from loyalty.care.merge import Merge, merge
from loyalty.clock import wall_clock
from loyalty.config import MailServer
from loyalty.members.change_member import change_member
from loyalty.members.change_status import change_status
from loyalty.members.identify import Identifier
from loyalty.members.queries import member_by_id
from loyalty.notifications.claim import LOST_AFTER, claim, settle
from loyalty.notifications.post_office import Outcome
from loyalty.notifications.rules import NEWS_FOR, Kind
from loyalty.notifications.save_template import save_template
from loyalty.notifications.unsubscribe import is_subscribed, subscribe
from loyalty.notifications.words import Words
from loyalty.redemption.cancel import cancel
from loyalty.redemption.redeem_reward import RedeemReward
from loyalty.tasks.notifications import find_news, send_waiting
from loyalty.transaction import across_tenants
from tests.care.given import lot
from tests.notifications.given import ANN, Bank, noted, reached
from tests.notifications.mailbox import Mailbox, html, plain, server_of
from tests.opened import AT
from tests.rewards.given import offered, redeemed_reward

pytestmark = pytest.mark.usefixtures("alone")


def ended(of: Bank) -> list[tuple[str, str | None]]:
    """What became of each mail, and why."""
    return [(one.status, one.reason) for one in of.do(noted)]


def try_now(of: Bank) -> None:
    """The time to try again has come."""
    of.do(
        lambda session: session.execute(
            text("UPDATE notification SET try_at = now() WHERE status = 'waiting'")
        )
    )


def by() -> By:
    """Somebody."""
    return By("test", None, AT)


def test_it_is_sent_once(wine: Bank, box: Mailbox, server: MailServer) -> None:
    for _ in range(3):
        find_news()
        send_waiting(server)
    [message] = box.to(ANN)
    assert str(message["Subject"]) == "1,000 points!"
    assert "You have passed 1,000 points: your balance was 1,010." in plain(message)
    assert "Wine &amp; Dine" in html(message)
    assert ended(wine) == [("sent", None)]


def test_many_workers_send_each_once(wine: Bank, box: Mailbox, server: MailServer) -> None:
    for number in range(2, 12):
        wine.give(1000)
        wine.find()
        assert len(wine.do(noted)) == number
    with ThreadPoolExecutor(4) as threads:
        for sending in [threads.submit(send_waiting, server) for _ in range(4)]:
            sending.result()
    subjects = sorted(box.subjects(ANN))
    assert len(subjects) == len(set(subjects)) == 11
    assert ended(wine) == [("sent", None)] * 11


def test_who_dies_with_a_mail_in_hand_leaves_it_unsent_for_ever(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    claimed = wine.do(lambda session: claim(session, server, wall_clock()))
    assert claimed is not None
    assert claimed.letter is not None
    letter = claimed.letter
    send_waiting(server)
    find_news()
    assert (box.received, ended(wine)) == ([], [("sending", None)])
    later = wall_clock() - LOST_AFTER - timedelta(seconds=1)
    gone = text("UPDATE notification SET try_at = :at")
    wine.do(lambda session: session.execute(gone, {"at": later}))
    find_news()
    send_waiting(server)
    assert (box.received, ended(wine)) == ([], [("unknown", "worker_lost")])
    wine.do(lambda session: settle(session, letter.id, Outcome("sent"), wall_clock()))
    assert ended(wine) == [("unknown", "worker_lost")]


@pytest.mark.parametrize("trouble", ["drop", "hang"])
def test_what_nobody_knows_of_is_not_tried_again(
    wine: Bank, box: Mailbox, server: MailServer, trouble: Any
) -> None:
    box.data[ANN] = trouble
    send_waiting(server)
    box.data.clear()
    send_waiting(server)
    assert len(box.received) == 1
    [(status, _)] = ended(wine)
    assert status == "unknown"


def test_not_now_is_tried_again_and_never_is_not(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    box.rcpt[ANN] = "451 4.7.1 Greylisted"
    send_waiting(server)
    send_waiting(server)
    [one] = wine.do(noted)
    assert (one.status, one.reason, one.tries) == ("waiting", "451 4.7.1 Greylisted", 1)
    wait = text("SELECT try_at - now() FROM notification")
    assert (
        timedelta(seconds=50)
        < wine.do(lambda session: session.scalar(wait))
        < timedelta(seconds=61)
    )
    try_now(wine)
    box.rcpt[ANN] = "550 5.1.1 Unknown"
    send_waiting(server)
    try_now(wine)
    box.rcpt.clear()
    send_waiting(server)
    assert (box.received, ended(wine)) == ([], [("failed", "550 5.1.1 Unknown")])


def test_after_two_days_it_is_given_up(wine: Bank, box: Mailbox, server: MailServer) -> None:
    box.rcpt[ANN] = "451 4.7.1 Greylisted"
    for _ in range(12):
        send_waiting(server)
        try_now(wine)
    [one] = wine.do(noted)
    assert (one.status, one.reason, one.tries) == ("failed", "451 4.7.1 Greylisted", 9)


def test_old_news_are_not_told(wine: Bank, box: Mailbox, server: MailServer) -> None:
    ago = text("UPDATE notification SET created_at = now() - :news_for - interval '1 second'")
    wine.do(lambda session: session.execute(ago, {"news_for": NEWS_FOR}))
    send_waiting(server)
    assert (box.received, ended(wine)) == ([], [("skipped", "too_late")])


def test_a_server_that_is_away_costs_no_try(wine: Bank, box: Mailbox) -> None:
    send_waiting(server_of(box, security="starttls"))
    [one] = wine.do(noted)
    assert (one.status, one.tries) == ("waiting", 0)


def test_who_has_left_or_is_suspended_gets_none(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    wine.do(lambda session: change_status(session, wine.ann, "suspended", AT))
    send_waiting(server)
    wine.do(lambda session: change_status(session, wine.ann, "active", AT))
    wine.give(1000)
    wine.find()
    wine.do(lambda session: leave(session, wine.program, "ann", by=By("ann", None, AT)))
    send_waiting(server)
    assert box.received == []
    assert ended(wine) == [("skipped", "not_active")] * 2


def test_who_was_erased_gets_none_and_is_not_named(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    box.rcpt[ANN] = f"451 4.7.1 {ANN} is greylisted"
    send_waiting(server)
    box.rcpt.clear()
    wine.do(lambda session: erase(session, "ann", "asked for it", by()))
    try_now(wine)
    send_waiting(server)
    assert (box.received, ended(wine)) == ([], [("skipped", "not_active")])
    kept = text("SELECT string_agg(n::text, ' ') FROM notification n")
    assert "ann" not in str(wine.do(lambda session: session.scalar(kept)))


def test_a_suspended_tenant_writes_to_nobody(wine: Bank, box: Mailbox, server: MailServer) -> None:
    close = text("UPDATE tenant SET suspended_at = now(), suspended_reason = 'x' WHERE id = :id")
    with across_tenants() as session:
        session.execute(close, {"id": wine.tenant.id})
    wine.give(1000)
    find_news()
    send_waiting(server)
    assert (box.received, ended(wine)) == ([], [("waiting", None)])


def test_who_has_no_address_gets_none(wine: Bank, box: Mailbox, server: MailServer) -> None:
    known(wine, identifiers=[])
    send_waiting(server)
    assert (box.received, ended(wine)) == ([], [("skipped", "no_address")])


@pytest.mark.parametrize(
    "told", ["ann@example.com\r\nBcc: eve@example.com", "ann@example.com,eve@example.com", "ann"]
)
def test_what_is_no_address_gets_none(
    wine: Bank, box: Mailbox, server: MailServer, told: str
) -> None:
    known(wine, identifiers=[Identifier("email", told)], attributes={"email": told})
    send_waiting(server)
    assert (box.received, ended(wine)) == ([], [("skipped", "no_address")])


def test_an_attribute_is_an_address_too(wine: Bank, box: Mailbox, server: MailServer) -> None:
    known(wine, identifiers=[], attributes={"email": "other@example.com"})
    send_waiting(server)
    assert [to for to, _ in box.received] == ["other@example.com"]


def known(of: Bank, **patch: Any) -> None:
    """What is known of Ann changes."""
    of.do(
        lambda session: change_member(
            session, member_by_id(session, "ann", lock=True), patch, by=By("test", None, AT)
        )
    )


def test_who_has_unsubscribed_gets_none_until_they_subscribe(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    assert wine.do(lambda session: subscribe(session, wine.ann, wanted=False, by=by()))
    assert not wine.do(lambda session: subscribe(session, wine.ann, wanted=False, by=by()))
    send_waiting(server)
    wine.do(lambda session: subscribe(session, wine.ann, wanted=True, by=by()))
    wine.give(1000)
    wine.find()
    send_waiting(server)
    assert box.subjects(ANN) == ["2,000 points!"]
    assert ended(wine) == [("skipped", "unsubscribed"), ("sent", None)]


def test_who_was_merged_is_written_to_as_the_survivor(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    wine.do(lambda session: reached(session, wine.program, "ben"))
    known(wine, identifiers=[])
    order = Merge("ann", "ben", "one person")
    wine.do(lambda session: merge(session, order, by=By("test", None, AT)))
    send_waiting(server)
    assert [to for to, _ in box.received] == ["ben@example.com"]


def test_by_whatever_name_somebody_has_unsubscribed(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    ben = wine.do(lambda session: reached(session, wine.program, "ben"))
    wine.do(lambda session: subscribe(session, wine.ann, wanted=False, by=by()))
    order = Merge("ann", "ben", "one person")
    wine.do(lambda session: merge(session, order, by=By("test", None, AT)))
    send_waiting(server)
    assert box.received == []
    assert not wine.do(lambda session: is_subscribed(session, ben))
    assert wine.do(lambda session: subscribe(session, ben, wanted=True, by=by()))
    assert wine.do(lambda session: is_subscribed(session, wine.ann))
    wine.give(1000, "ben")
    wine.find()
    send_waiting(server)
    assert len(box.to(ANN)) == 1  # the address that both have now, first in the alphabet


def test_own_words_in_the_members_language(wine: Bank, box: Mailbox, server: MailServer) -> None:
    words = Words("Bravo {{ member.name }}", "{{ milestone }} {{ unsubscribe_url }}", None)
    wine.do(lambda session: save_template(session, Kind.MILESTONE, "fr", words, by()))
    known(wine, name="Ann\r\nBcc: eve@example.com", attributes={"language": "fr-CA"})
    send_waiting(server)
    [message] = box.to(ANN)
    assert str(message["Subject"]) == "Bravo Ann Bcc: eve@example.com"
    assert message["Bcc"] is None
    assert message["Content-Language"] == "fr"
    assert not message.is_multipart()


def test_german_by_the_house(wine: Bank, box: Mailbox, server: MailServer) -> None:
    known(wine, attributes={"language": "de-AT"})
    send_waiting(server)
    assert box.subjects(ANN) == ["1.000 points!"]


def test_a_reward_with_its_voucher(wine: Bank, box: Mailbox, server: MailServer) -> None:
    vouchers = {"from": "generated", "prefix": "WINE-", "length": 12}
    wine.do(lambda session: offered(session, wine.program, "v", kind="voucher", vouchers=vouchers))
    order = RedeemReward("v")
    made = wine.do(lambda session: redeemed_reward(session, wine.program, order))
    wine.find()
    send_waiting(server)
    assert made.voucher is not None
    [_, message] = box.to(ANN)
    assert str(message["Subject"]) == "Your reward: It"
    assert f"Your code is {made.voucher.code}." in plain(message)


def test_a_reward_that_was_cancelled_is_not_told(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    wine.do(lambda session: offered(session, wine.program, "mug"))
    order = RedeemReward("mug")
    made = wine.do(lambda session: redeemed_reward(session, wine.program, order))
    wine.find()
    wine.do(lambda session: cancel(session, made.id, None, "changed my mind", by()))
    send_waiting(server)
    assert ended(wine) == [("sent", None), ("skipped", "cancelled")]


def test_points_that_expire_as_they_are_when_it_is_written(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    wine.do(lambda session: lot_from_now(wine, session, 70, days=10))
    find_news()
    wine.give(-20)
    send_waiting(server)
    [_, message] = box.to(ANN)
    assert str(message["Subject"]).startswith("50 points expire on 20")


def test_points_that_were_spent_in_time_are_not_told(
    wine: Bank, box: Mailbox, server: MailServer
) -> None:
    wine.do(lambda session: lot_from_now(wine, session, 70, days=10))
    find_news()
    wine.give(-70)
    send_waiting(server)
    assert ended(wine) == [("sent", None), ("skipped", "spent")]


def lot_from_now(of: Bank, session: Any, points: int, *, days: int) -> None:
    """Points that expire so many days from now; the burn order takes them first."""
    lot(session, of.program, points, expires_in=(wall_clock() - AT).days + days)


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("milestone", "{}", "KeyError"),
        ("points_expiring", '{"last_day": "tomorrow"}', "ValueError"),
        ("reward_redeemed", '{"redemption": "no uuid"}', "DataError"),
    ],
)
def test_what_can_not_be_written_holds_up_nobody(
    wine: Bank, box: Mailbox, server: MailServer, kind: str, data: str, reason: str
) -> None:
    broken = text(
        "UPDATE notification SET kind = :kind, data = CAST(:data AS jsonb),"
        " try_at = now() - interval '1 hour'"
    )
    wine.do(lambda session: session.execute(broken, {"kind": kind, "data": data}))
    wine.give(1000)
    wine.find()
    send_waiting(server)
    assert ended(wine) == [("failed", reason), ("sent", None)]
