"""Burns in one transaction: each has its own outcome, and none of them waits for anybody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from loyalty.audit.by import By
from loyalty.book.audit import audit, scopes
from loyalty.care.merge import Merge, merge
from loyalty.errors import Problem
from loyalty.idempotency.once import Answer, IdempotencyInFlight
from loyalty.ledger.post import post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.members.queries import lock_membership
from loyalty.programs.queries import Program
from loyalty.redemption.burn import InOtherHands, Key
from loyalty.redemption.redeem import Burn, HoldsLapse, Redeem, Redeemed, redeem, redeem_together
from loyalty.transaction import across_tenants, brief, transaction
from tests.opened import AT, balance, joined, opened
from tests.tenant import TestTenant

NAMES = ("ann", "bob", "cat")


@pytest.fixture
def program(tenant: TestTenant) -> Program:
    """Ann, Bob and Cat have 100 points each."""
    with transaction(tenant.id) as session:
        program = opened(session)
        for name in NAMES:
            joined(session, program, name, points=100)
    return program


def _burn(
    program: Program, member_id: str, points: int = 10, key: str = "", at: datetime = AT
) -> Burn:
    def tell(made: Redeemed | Problem) -> Answer:
        if isinstance(made, Problem):
            return Answer(made.status, made.code)
        return Answer(201, f"{made.balance.available} left")

    under = Key("redemptions.create", key or f"of {member_id}", f"{member_id} {points}".encode())
    return Burn(program, member_id, Redeem(points), under, tell, By(member_id, "r1", at))


def _together(tenant: TestTenant, *burns: Burn) -> list[str]:
    with brief(tenant.id) as statements:
        return [_shown(one) for one in redeem_together(statements, burns)]


def _shown(outcome: Answer | Problem | HoldsLapse | InOtherHands) -> str:
    if isinstance(outcome, Answer):
        return f"{outcome.body}, told before" if outcome.replayed else outcome.body
    return outcome.code if isinstance(outcome, Problem) else type(outcome).__name__


def _rows(tenant: TestTenant, statement: str) -> Sequence[tuple[object, ...]]:
    with transaction(tenant.id) as session:
        return [tuple(row) for row in session.execute(text(statement))]


def _left(tenant: TestTenant, program: Program) -> list[int]:
    with transaction(tenant.id) as session:
        return [balance(session, program, name).available for name in NAMES]


def _broken(tenant: TestTenant) -> list[object]:
    with across_tenants(snapshot=True) as session:
        *_, verdict = audit(session, scopes(session, tenant.slug, None))
        return list(verdict.broken)


def test_they_are_one_transaction(tenant: TestTenant, program: Program) -> None:
    told = _together(
        tenant, *(_burn(program, name, 10 + place) for place, name in enumerate(NAMES))
    )
    assert told == ["90 left", "89 left", "88 left"]
    assert _left(tenant, program) == [90, 89, 88]
    for table in ("redemption", "idempotency"):
        assert _rows(tenant, f"SELECT count(*), count(DISTINCT xmin::text) FROM {table}") == [
            (3, 1)
        ]
    assert _broken(tenant) == []


def test_each_has_its_own_outcome(tenant: TestTenant, program: Program) -> None:
    _together(tenant, _burn(program, "ann", 5, "taken"), _burn(program, "bob", 5, "again"))
    told = _together(
        tenant,
        _burn(program, "bob", 5, "again"),
        _burn(program, "nobody"),
        _burn(program, "ann", 6, "taken"),
        _burn(program, "ann", 1000),
        _burn(program, "cat", 7),
    )
    assert told == [
        "95 left, told before",
        "not_enrolled",
        "idempotency_mismatch",
        "insufficient_points",
        "93 left",
    ]
    assert _left(tenant, program) == [95, 95, 93]
    kept = _rows(tenant, "SELECT key, status FROM idempotency ORDER BY key")
    assert kept == [("again", 201), ("of ann", 409), ("of cat", 201), ("taken", 201)]
    assert _broken(tenant) == []


def test_each_is_of_its_own_instant(tenant: TestTenant, program: Program) -> None:
    ends = datetime(2026, 8, 1, tzinfo=UTC)
    with transaction(tenant.id) as session:
        _, account = lock_membership(session, program.id, "ann")
        account.issue(
            Kind.AWARD,
            Bucket.ISSUED,
            50,
            cause_id=uuid4(),
            occurred_at=AT,
            expires_at=ends,
            idle_days=30,
        )
        post(session, [account], AT)
    just_before, just_after = ends - timedelta(seconds=1), ends + timedelta(seconds=1)
    told = _together(
        tenant,
        _burn(program, "ann", at=just_before),
        _burn(program, "bob", at=just_after),
    )
    assert told == ["140 left", "90 left"]
    lives = _rows(tenant, "SELECT remaining, expires_at FROM lot WHERE idle_days IS NOT NULL")
    assert lives == [(40, datetime(2026, 8, 31, tzinfo=UTC))]  # it is moved on: she was in time
    recorded = "SELECT recorded_at FROM entry WHERE kind = 'redeem' ORDER BY account_id"
    assert _rows(tenant, recorded) == [(just_before,), (just_after,)]


def test_where_all_are_refusals_they_are_kept(tenant: TestTenant, program: Program) -> None:
    burns = [_burn(program, name, 101) for name in NAMES]
    assert _together(tenant, *burns) == ["insufficient_points"] * 3
    assert _together(tenant, *burns) == ["insufficient_points, told before"] * 3


def test_whose_account_is_in_other_hands_is_left_out(tenant: TestTenant, program: Program) -> None:
    burns = [_burn(program, name) for name in NAMES]
    with transaction(tenant.id) as other:
        other.execute(
            text("SELECT FROM account WHERE id = (SELECT max(id) - 1 FROM account) FOR UPDATE")
        )
        assert _together(tenant, *burns) == ["90 left", "InOtherHands", "90 left"]
    assert _left(tenant, program) == [90, 100, 90]
    with brief(tenant.id) as statements:
        assert redeem(statements, burns[1]).body == "90 left"


def test_whose_key_is_in_other_hands_is_left_out(tenant: TestTenant, program: Program) -> None:
    with brief(tenant.id) as first:
        [made] = redeem_together(first, [_burn(program, "ann")])
        assert isinstance(made, Answer)
    with transaction(tenant.id) as other:
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('redemptions.create of bob', :t))"
        other.execute(text(lock), {"t": tenant.id})
        told = _together(tenant, _burn(program, "bob"), _burn(program, "cat"))
        assert told == ["InOtherHands", "90 left"]
    assert _left(tenant, program) == [90, 100, 90]


def test_who_waits_too_long_for_a_key_is_told_that_it_is_at_work(
    tenant: TestTenant, program: Program
) -> None:
    with transaction(tenant.id) as other:
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('redemptions.create of bob', :t))"
        other.execute(text(lock), {"t": tenant.id})
        with brief(tenant.id) as statements, pytest.raises(IdempotencyInFlight):
            redeem(statements, _burn(program, "bob"))
    with brief(tenant.id) as statements:
        assert redeem(statements, _burn(program, "bob")).body == "90 left"


def test_who_waits_too_long_for_an_account_is_not_told_that_the_key_is_at_work(
    tenant: TestTenant, program: Program
) -> None:
    with transaction(tenant.id) as other:
        other.execute(text("SELECT FROM account FOR UPDATE"))
        with brief(tenant.id) as statements:
            statements.rows("SELECT set_config('lock_timeout', '100ms', true)", {})
            with pytest.raises(OperationalError, match="lock timeout"):
                redeem(statements, _burn(program, "bob"))
    assert _left(tenant, program) == [100, 100, 100]


def test_of_one_key_or_one_account_the_first_is_done(tenant: TestTenant, program: Program) -> None:
    with transaction(tenant.id) as session:
        merge(session, Merge("bob", "ann", "one and the same"), by=By("eve", None, AT))
    told = _together(
        tenant,
        _burn(program, "ann", 10, "a"),
        _burn(program, "bob", 10, "b"),
        _burn(program, "cat", 10, "a"),
        _burn(program, "cat", 10, "c"),
    )
    assert told == ["190 left", "InOtherHands", "InOtherHands", "90 left"]
    assert _rows(tenant, "SELECT count(*) FROM redemption") == [(2,)]
    assert _together(tenant, _burn(program, "bob", 10, "b")) == ["180 left"]
    assert _broken(tenant) == []


def test_what_cannot_be_written_is_written_of_none(tenant: TestTenant, program: Program) -> None:
    def tell(_: object) -> Answer:
        return Answer(201, "\0")

    broken = _burn(program, "bob")
    broken = Burn(program, "bob", broken.order, broken.under, tell, broken.by)
    with pytest.raises(Exception, match="cannot be converted to text"):
        _together(tenant, _burn(program, "ann"), broken, _burn(program, "cat"))
    assert _left(tenant, program) == [100, 100, 100]
    assert _rows(tenant, "SELECT count(*) FROM idempotency") == [(0,)]
