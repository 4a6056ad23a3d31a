"""A bank whose mail waits, and the server that takes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from loyalty.config import MailServer
from loyalty.transaction import transaction
from tests.notifications.given import Bank, bank
from tests.notifications.mailbox import Mailbox, mailbox, server_of
from tests.tenant import TestTenant


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """Where the mail goes."""
    with mailbox() as box:
        yield box


@pytest.fixture
def server(box: Mailbox) -> MailServer:
    """How it gets there."""
    return server_of(box, timeout_s=0.5)


@pytest.fixture
def wine(tenant: TestTenant) -> Iterator[Bank]:
    """Ann has passed 1000 points, and that waits to be told; what is left ends with the test."""
    wine = bank(
        tenant, milestone_every=1000, reward_redeemed=True, tier_reached=False, expiring_days=30
    )
    wine.give(1010)
    wine.find()
    yield wine
    with transaction(tenant.id) as session:
        session.execute(
            text(
                "UPDATE notification SET status = 'skipped', try_at = NULL, ended_at = now()"
                " WHERE ended_at IS NULL"
            )
        )
