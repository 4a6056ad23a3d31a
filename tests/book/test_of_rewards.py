"""What is broken of redemptions, stock and vouchers is found, and the row is named."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.book import of_rewards
from loyalty.book.checks import OF_ACCOUNTS, OF_PROGRAMS
from tests.book.conftest import Book, act_as
from tests.book.test_checks import damage, verdicts

#: Invariant, how it is broken, and the row that must be named; see conftest.shopped.
BREAKS = [
    (
        "what is held is what its holds drew",
        "UPDATE lot_draw SET points = points - 1 WHERE account_id = {gail} AND entry_version = 4",
        "account {gail}",
    ),
    (
        "what is held is what its holds drew",
        "UPDATE account SET held = held - 1 WHERE id = {gail}",
        "account {gail}",
    ),
    (
        "entries of redemptions have a redemption",
        "UPDATE entry SET cause_id = gen_random_uuid()"
        " WHERE account_id = {gail} AND kind = 'cancel'",
        "entry {gail}-3",
    ),
    (
        "entries of redemptions have a redemption",
        "UPDATE entry SET cause_id = gen_random_uuid() WHERE account_id = {gail} AND kind = 'hold'",
        "entry {gail}-4",
    ),
    (
        "a redemption is its entries",
        "UPDATE redemption SET status = 'partly_cancelled', cancelled = 9 WHERE id = '{cancelled}'",
        "redemption {cancelled}",
    ),
    (
        "a redemption is its entries",
        "UPDATE redemption SET status = 'released', released = 10 WHERE id = '{held}'",
        "redemption {held}",
    ),
    (
        "a step of a redemption is its entry",
        "UPDATE redemption_step SET points = 9",
        "step 1 of redemption {cancelled}",
    ),
    (
        "a step of a redemption is its entry",
        "UPDATE redemption_step SET entry_version = 1",
        "step 1 of redemption {cancelled}",
    ),
    (
        "stock and what was handed out are all there was",
        "UPDATE reward_stock SET remaining = remaining + 1",
        "reward mug",
    ),
    (
        "stock and what was handed out are all there was",
        "UPDATE redemption SET took_stock = false WHERE id = '{held}'",
        "reward mug",
    ),
    (
        "a voucher is with its redemption",
        "UPDATE voucher SET status = 'void'",
        "voucher {voucher}",
    ),
    (
        "a voucher is with its redemption",
        "UPDATE voucher SET redemption_id = '{held}'",
        "voucher {voucher}",
    ),
    (
        "who redeems a voucher has one",
        "UPDATE voucher SET status = 'free', redemption_id = NULL",
        "redemption {given}",
    ),
]


@pytest.fixture
def ids(session: Session, book: Book) -> Mapping[str, int | UUID]:
    """What of the book the breaks name."""
    of_status = {
        row.status: row.id
        for row in session.execute(
            text("SELECT status, id FROM redemption WHERE reward_id IS NOT NULL")
        )
    }
    return {
        "gail": book.gail,
        "cancelled": of_status["cancelled"],
        "held": of_status["held"],
        "given": of_status["redeemed"],
        "voucher": session.execute(text("SELECT id FROM voucher")).scalar_one(),
    }


def test_every_invariant_of_rewards_is_broken_below() -> None:
    asked = of_rewards.OF_ACCOUNTS.keys() | of_rewards.OF_PROGRAMS.keys()
    assert {invariant for invariant, *_ in BREAKS} == asked


@pytest.mark.parametrize(("invariant", "broken", "row"), BREAKS)
def test_a_break_is_found_and_named(
    session: Session,
    book: Book,
    ids: Mapping[str, int | UUID],
    invariant: str,
    broken: str,
    row: str,
) -> None:
    damage(session, broken.format(**ids))
    act_as(session, "loyalty_system")
    told = session.execute(
        text((OF_ACCOUNTS | OF_PROGRAMS)[invariant]),
        {"tenant": session.info["tenant_id"], "program": book.program.id, "accounts": None},
    ).scalar_one()
    assert told == row.format(**ids)
    [found] = verdicts(session)[-1].broken
    assert found.program == "wine"
