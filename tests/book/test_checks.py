"""Every invariant of the audit finds a break made on purpose, and names the row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.book import of_desk, of_jobs, of_mail, of_promotions, of_rewards
from loyalty.book.audit import Verdict, audit, scopes
from loyalty.book.checks import OF_ACCOUNTS, OF_PROGRAMS
from tests.book import of_care, of_openings, of_returns
from tests.book.conftest import Book, act_as, written

#: Invariant, how it is broken, and the row that must be named. {a} is ann's account.
BREAKS = [
    (
        "entries continue their account",
        "UPDATE entry SET available_after = available_after + 1"
        " WHERE account_id = {a} AND version = 3",
        "entry {a}-3",
    ),
    (
        "entries continue their account",
        "DELETE FROM entry WHERE account_id = {a} AND version = 2",
        "entry {a}-3",
    ),
    (
        "entries continue their account",  # in the feed too
        "UPDATE entry SET place = 1 WHERE account_id = {a} AND version = 3",
        "entry {a}-3",
    ),
    (
        "an account is the sum of its entries",
        "UPDATE account SET available = available + 1 WHERE id = {a}",
        "account {a}",
    ),
    (
        "an account is the sum of its entries",
        "UPDATE account SET lifetime = lifetime + 1 WHERE id = {a}",
        "account {a}",
    ),
    (
        "an account is the sum of its entries",
        "UPDATE account SET tier_points = lifetime + 1 WHERE id = {a}",
        "account {a}",
    ),
    (
        "an account is the sum of its entries",
        "DELETE FROM entry WHERE account_id = {a} AND version = 5",
        "account {a}",
    ),
    (
        "tier points are what was earned since joining",
        "UPDATE account SET tier_points = tier_points - 1 WHERE id = {a}",
        "account {a}",
    ),
    (
        "what counts for a tier on a day was earned on it",  # nothing was counted by the day so far
        'UPDATE program SET settings = settings || \'{{"tier_policy": {{"on": "spend"}}}}\'',
        "account {a} on 2026-07-01",
    ),
    (
        "open lots are pending and available",
        "UPDATE lot SET remaining = remaining - 1 WHERE account_id = {a} AND id = 2",
        "account {a}",
    ),
    (
        "open lots are pending and available",
        "UPDATE lot SET active = false WHERE account_id = {a} AND id = 2",
        "account {a}",
    ),
    (
        "a lot is what its entry made less what was drawn",
        "UPDATE lot SET remaining = remaining + CASE id WHEN 1 THEN 1 ELSE -1 END"
        " WHERE account_id = {a} AND id < 3",
        "lot {a}-1",
    ),
    (
        "a lot comes from an entry of its size",
        "WITH larger AS (UPDATE lot SET points = points + 1 WHERE account_id = {a} AND id = 1)"
        " UPDATE lot_draw SET points = points + 1 WHERE account_id = {a} AND entry_version = 4",
        "lot {a}-1",
    ),
    (
        "points that left came from lots",
        "UPDATE lot_draw SET points = points + CASE entry_version WHEN 4 THEN 1 ELSE -1 END"
        " WHERE account_id = {a}",
        "entry {a}-4",
    ),
    (
        "points that left came from lots",
        "DELETE FROM lot_draw WHERE account_id = {a} AND entry_version = 5",
        "entry {a}-5",
    ),
    (
        "an award is its entries",
        "UPDATE award SET points = points + 1 WHERE activity_id = '{awarded}'",
        "award of {awarded}",
    ),
    (
        "an award is its entries",
        "UPDATE award SET account_version = account_version + 1 WHERE activity_id = '{awarded}'",
        "award of {awarded}",
    ),
    (
        "award entries have an award",
        "DELETE FROM award WHERE activity_id = '{awarded}'",
        "entry {a}-1",
    ),
    ("redeem entries have a redemption", "DELETE FROM redemption", "entry {a}-4"),
    (
        "redeem entries have a redemption",
        "UPDATE redemption SET points = 31 WHERE reward_id IS NULL AND account_id = {a}",
        "entry {a}-4",
    ),
    (
        "adjust entries have an adjustment",
        "DELETE FROM adjustment WHERE account_id = {a} AND points = 50",
        "entry {a}-3",
    ),
    (
        "a lot is active as its entries say",
        "UPDATE lot SET active = false WHERE account_id = {a} AND id = 2",
        "lot {a}-2",
    ),
    (
        "time moves points one way",
        "UPDATE entry SET kind = 'expire' WHERE account_id = {a} AND version = 4",
        "entry {a}-4",
    ),
    (
        "time moves points one way",
        "UPDATE entry SET kind = 'activate', to_bucket = 'available', from_bucket = 'pending',"
        " recorded_at = occurred_at - interval '1 s' WHERE account_id = {a} AND version = 4",
        "entry {a}-4",
    ),
    (
        "nothing stands that was due a day ago",
        "UPDATE lot SET expires_at = now() - interval '25 hours' WHERE account_id = {a} AND id = 2",
        "lot {a}-2",
    ),
    (
        "progress in a campaign is the sum of its steps",
        "UPDATE campaign_progress SET counted = '{{2}}' WHERE account_id = {e}",
        "campaign {c} of account {e}",
    ),
    (
        "a campaign was completed as often as its progress says",
        "UPDATE campaign_progress SET completed = 0 WHERE account_id = {e}",
        "campaign {c} of account {e}",
    ),
    (
        "each completion is paid once",
        "UPDATE activity SET transaction_id = 'x-' || id WHERE source = '\\:campaign'",
        "completion 1 of campaign {c} by account {e}",
    ),
    (
        "each completion is paid once",
        "UPDATE boost SET factor = 3",
        "completion 1 of campaign {c} by account {e}",
    ),
    (
        "each completion is paid once",
        "DELETE FROM campaign_gift",
        "completion 1 of campaign {c} by account {e}",
    ),
    (
        "each completion is paid once",
        "UPDATE campaign_gift SET given_at = now()",  # and there is no redemption
        "completion 1 of campaign {c} by account {e}",
    ),
    (
        "bonuses of campaigns have a completion",
        "DELETE FROM campaign_completion",
        "bonus {bonus}",
    ),
    (
        "a completed referral is paid to both",
        "UPDATE referral SET referred_points = 21",
        "referral {referral}",
    ),
    (
        "a completed referral is paid to both",
        "UPDATE referral SET completed_at = NULL, activity_id = NULL",
        "referral {referral}",
    ),
    (
        "in less out is what is there",
        "UPDATE account SET owed = owed + 1 WHERE id = {a}",
        "program",
    ),
    (
        "an activity is open, awarded or set back",
        "DELETE FROM unsettled WHERE activity_id = '{open}'",
        "activity {open}",
    ),
    (
        "an activity is open, awarded or set back",
        "INSERT INTO unsettled SELECT tenant_id, program_id, activity_id, awarded_at FROM award"
        " WHERE activity_id = '{awarded}'",
        "activity {awarded}",
    ),
    (
        "verdicts are on activities",
        "DELETE FROM activity WHERE id = '{parked}'",
        "verdict on {parked}",
    ),
    (
        "memberships stand on an account and a tier",
        "UPDATE membership SET tier_key = 'silver' WHERE id = {m}",
        "membership {m}",
    ),
    (
        "memberships stand on an account and a tier",
        "UPDATE membership SET account_id = 0 WHERE id = {m}",
        "membership {m}",
    ),
    *of_care.BREAKS,
    *of_openings.BREAKS,
    *of_returns.BREAKS,
]
Named = Callable[[str], str]


@pytest.fixture
def named(book: Book) -> Named:
    """Puts the ids of the book into a text."""

    def fill(template: str) -> str:
        return template.format(
            a=book.account,
            m=book.membership,
            awarded=book.awarded,
            parked=book.parked,
            open=book.open,
            returns=book.returns,
            e=book.eve,
            c=book.campaign,
            bonus=book.bonus,
            referral=book.referral,
            care=book.care,
            carried=book.carried,
        )

    return fill


def damage(session: Session, statement: str) -> None:
    """What no role of the house can do: past the triggers, as the superuser, in one tenant."""
    if " WHERE " not in statement:
        statement += f" WHERE tenant_id = {session.info['tenant_id']}"
    act_as(session, "postgres")
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text(statement))
    session.execute(text("SET LOCAL session_replication_role = origin"))


def verdicts(session: Session) -> list[Verdict]:
    """What the audit says of the session's tenant."""
    act_as(session, "loyalty_system")
    slug = session.scalar(
        text("SELECT slug FROM tenant WHERE id = :id"), {"id": session.info["tenant_id"]}
    )
    return list(audit(session, scopes(session, slug, None)))


def test_a_whole_book_passes(session: Session, book: Book) -> None:
    verdict = verdicts(session)[-1]
    assert verdict.broken == []
    assert (verdict.programs, verdict.accounts, verdict.entries, verdict.activities) == (
        1,
        12,
        28,
        11,
    )
    assert verdict.questions == len(OF_ACCOUNTS) + len(OF_PROGRAMS)


def test_every_invariant_is_broken_below() -> None:
    elsewhere = of_rewards.OF_ACCOUNTS.keys() | of_rewards.OF_PROGRAMS.keys()
    elsewhere |= of_promotions.OF_ACCOUNTS.keys() | of_promotions.OF_PROGRAMS.keys()
    elsewhere |= of_desk.OF_PROGRAMS.keys() | of_jobs.OF_PROGRAMS.keys()
    elsewhere |= of_mail.OF_PROGRAMS.keys()
    asked = (OF_ACCOUNTS.keys() | OF_PROGRAMS.keys()) - elsewhere
    assert {invariant for invariant, *_ in BREAKS} == asked


@pytest.mark.parametrize(("invariant", "broken", "row"), BREAKS)
def test_a_break_is_found_and_named(
    session: Session, book: Book, named: Named, invariant: str, broken: str, row: str
) -> None:
    damage(session, named(broken))
    act_as(session, "loyalty_system")
    told = session.execute(
        text((OF_ACCOUNTS | OF_PROGRAMS)[invariant]),
        {"tenant": session.info["tenant_id"], "program": book.program.id, "accounts": None},
    ).scalar_one()
    assert told == named(row)
    [found] = verdicts(session)[-1].broken
    assert found.program == "wine"


def test_the_audit_stops_at_the_first_broken_program(session: Session, book: Book) -> None:
    other = written(session, "air")
    assert verdicts(session)[-1].programs == 2
    damage(session, f"UPDATE account SET available = 0 WHERE id = {book.account}")
    damage(session, f"UPDATE account SET available = 0 WHERE id = {other.account}")
    last = verdicts(session)[-1]
    assert (last.programs, [one.program for one in last.broken]) == (1, ["wine"])


def test_a_break_in_one_program_is_not_found_in_another(session: Session, book: Book) -> None:
    other = written(session, "air")
    damage(session, f"UPDATE account SET available = 0 WHERE id = {other.account}")
    [broken] = verdicts(session)[-1].broken
    assert (broken.program, broken.row) == ("air", f"account {other.account}")
