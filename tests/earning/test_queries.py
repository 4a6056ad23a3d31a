"""What is told of open purchases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.queries import oldest_open
from loyalty.programs.pause import pause_program
from tests.earning.given import bought, stored
from tests.opened import AT, opened

SECOND = timedelta(seconds=1)


def test_the_oldest_open_purchase_is_the_backlog_but_not_that_of_a_paused_program(
    session: Session,
) -> None:
    wine, bread = opened(session), opened(session, "bread")
    assert oldest_open(session, AT) == timedelta(0)
    stored(session, wine, bought(), at=AT - 5 * SECOND)
    stored(session, bread, bought(), at=AT - SECOND)
    assert oldest_open(session, AT) == 5 * SECOND
    pause_program(session, wine.slug, reason="a test", by=By("test", None, AT))
    assert oldest_open(session, AT) == SECOND
