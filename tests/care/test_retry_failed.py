"""What failed is tried again: purchases and returns, each once, also when two people ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.retry_failed import Failure, What, failures, retry_failed
from loyalty.earning.award import fail
from loyalty.earning.give_back.settle import fail_return
from loyalty.programs.queries import Program, program_by_slug
from loyalty.transaction import transaction
from tests.earning.give_back.given import accepted, returned
from tests.earning.given import bought, stored
from tests.opened import AT, joined, opened
from tests.tenant import TestTenant

_EVE = By("operator:eve", "r-1", AT)


def _failed(session: Session, program: Program, count: int) -> list[UUID]:
    purchases = stored(session, program, *(bought(source=f"till-{n}") for n in range(count)))
    for one in purchases:
        fail(session, one, "KeyError", "a bug", AT)
    return purchases


def _all(session: Session, program: Program, what: What) -> list[Failure]:
    return failures(session, program, what, source=None, before=None)


def test_purchases_and_returns_are_tried_again(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    [purchase] = _failed(session, program, 1)
    back = accepted(session, program, returned("R-1"))
    fail_return(session, back, "KeyError", "another bug")
    found = [*_all(session, program, "earn"), *_all(session, program, "return")]
    assert found == [Failure("earn", purchase, "a bug"), Failure("return", back, "another bug")]
    assert retry_failed(session, program, found, _EVE) == 2
    assert [_all(session, program, what) for what in ("earn", "return")] == [[], []]
    assert retry_failed(session, program, found, _EVE) == 0
    kept = session.execute(
        text("SELECT act, actor, before->'ids' AS ids FROM audit_record WHERE act LIKE '%.retry'")
    ).all()
    assert sorted(kept) == [
        ("earn.retry", "operator:eve", [str(purchase)]),
        ("return.retry", "operator:eve", [str(back)]),
    ]


def test_a_page_and_a_source(session: Session) -> None:
    program = opened(session)
    made = _failed(session, program, 3)
    newest = _all(session, program, "earn")
    assert [one.id for one in newest] == sorted(made, reverse=True)
    rest = failures(session, program, "earn", source=None, before=newest[0].id)
    assert rest == newest[1:]
    of_one = failures(session, program, "earn", source="till-1", before=None)
    assert [one.id for one in of_one] == [made[1]]


def test_two_people_ask_at_once(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        _failed(session, opened(session), 20)
    both = Barrier(2)

    def ask(_: int) -> int:
        with transaction(tenant.id) as session:
            program = program_by_slug(session, "wine")
            found = _all(session, program, "earn")
            both.wait()
            return retry_failed(session, program, found, _EVE)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(ask, range(2))) == [0, 20]
