"""Operators: people who log in by a password, and what becomes of their tokens."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.errors import Invalid, NotFound
from loyalty.tenants import passwords, queries
from loyalty.tenants.add_operator import NewOperator, OperatorExists, add_operator
from loyalty.tenants.change_operator import (
    Change,
    LastAdmin,
    WrongPassword,
    change_operator,
    change_own_password,
    end_log_ins,
)
from loyalty.tenants.log_in import WrongCredentials, log_in, who_logs_in
from loyalty.tenants.models import Operator
from loyalty.tenants.passwords import LogInBusy, fits
from loyalty.tenants.roles import STAFF, Role
from loyalty.transaction import transaction
from tests.tenant import TestTenant

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
BY = By("admin:root", "r-1", AT)
PASSWORD = "correct horse battery"


def add(
    session: Session, name: str = "anna", role: Role = Role.ADMIN, password: str = PASSWORD
) -> Operator:
    """A person who can log in."""
    return add_operator(session, NewOperator(name, role, password), BY)


def test_of_a_password_only_argon2s_hash_is_kept(session: Session) -> None:
    anna = add(session)
    assert anna.password_hash.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert PASSWORD not in anna.password_hash
    assert fits(anna.password_hash, PASSWORD)
    assert not fits(anna.password_hash, PASSWORD + " ")
    assert not fits(None, "nobody")
    assert not fits("no hash at all", PASSWORD)


def test_two_people_of_one_password_have_nothing_in_common(session: Session) -> None:
    assert add(session).password_hash != add(session, "bob").password_hash


def test_a_name_is_taken_once_in_whatever_case(session: Session) -> None:
    add(session, "Anna@Shop.example")
    with pytest.raises(OperatorExists):
        add(session, "anna@shop.EXAMPLE")


@pytest.mark.parametrize(
    ("name", "role", "password", "pointer", "code"),
    [
        ("", Role.ADMIN, PASSWORD, "/name", "malformed"),
        (" anna", Role.ADMIN, PASSWORD, "/name", "malformed"),
        ("a" * 101, Role.ADMIN, PASSWORD, "/name", "malformed"),
        ("anna\n", Role.ADMIN, PASSWORD, "/name", "malformed"),
        ("anna", Role.SERVER, PASSWORD, "/role", "not_for_people"),
        ("anna", Role.MEMBER, PASSWORD, "/role", "not_for_people"),
        ("anna", Role.ADMIN, "elevenchars", "/password", "wrong_length"),
        ("anna", Role.ADMIN, "x" * 257, "/password", "wrong_length"),
        ("anna", Role.ADMIN, "aaaaaaaaaaaaaaaa", "/password", "too_easy"),
        ("anna.example", Role.ADMIN, "Anna.Example", "/password", "too_easy"),
    ],
)
def test_what_makes_no_sense_is_refused(
    session: Session, name: str, role: Role, password: str, pointer: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add(session, name, role, password)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [(pointer, code)]
    assert queries.operators(session, None, 9) == []


def test_who_logs_in_is_known_by_name_in_any_case(session: Session) -> None:
    anna = add(session)
    known = who_logs_in(session, "ANNA")
    assert known is not None
    one, token = log_in(session, known, PASSWORD, request_id="r-2", at=AT)
    assert (one.id, one.last_log_in_at, token.count(".")) == (anna.id, AT, 2)
    assert who_logs_in(session, "bob") is None


def test_who_was_changed_between_two_looks_is_not_let_in(session: Session) -> None:
    anna = add(session, role=Role.SUPPORT)
    known = who_logs_in(session, "anna")
    assert known is not None
    change_operator(session, anna.id, Change(disabled=True), BY)
    with pytest.raises(WrongCredentials):
        log_in(session, known, PASSWORD, request_id=None, at=AT)
    assert who_logs_in(session, "anna") is None


def test_a_hash_of_weaker_days_is_made_anew(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = add(session)
    before = anna.password_hash
    monkeypatch.setattr("loyalty.tenants.log_in.is_outdated", lambda _: True)
    known = who_logs_in(session, "anna")
    assert known is not None
    log_in(session, known, PASSWORD, request_id=None, at=AT)
    session.refresh(anna)
    assert anna.password_hash != before
    assert fits(anna.password_hash, PASSWORD)


@pytest.mark.parametrize(
    "change",
    [
        Change(role=Role.FINANCE),
        Change(disabled=True),
        Change(password="another good sentence"),
    ],
    ids=["role", "disabled", "password"],
)
def test_every_change_voids_the_tokens_of_before(session: Session, change: Change) -> None:
    add(session, "root")
    anna = add(session, role=Role.SUPPORT)
    generation = anna.generation
    changed = change_operator(session, anna.id, change, BY)
    assert changed.generation == generation + 1
    tenant_id = session.info["tenant_id"]
    assert queries.role_of_operator(session, tenant_id, anna.id, generation) is None
    now = queries.role_of_operator(session, tenant_id, anna.id, generation + 1)
    assert now == (None if change.disabled else changed.role)


def test_a_change_that_changes_nothing_leaves_nothing(session: Session) -> None:
    anna = add(session)
    written = len(records(session, None, 99))
    assert change_operator(session, anna.id, Change(role=Role.ADMIN), BY).generation == 1
    assert len(records(session, None, 99)) == written


def test_log_ins_end_everywhere(session: Session) -> None:
    anna = add(session)
    end_log_ins(session, anna.id, BY)
    session.refresh(anna)
    assert anna.generation == 2
    with pytest.raises(NotFound):
        end_log_ins(session, uuid4(), BY)


def test_ones_own_password_takes_the_present_one(session: Session) -> None:
    anna = add(session)
    with pytest.raises(WrongPassword):
        change_own_password(session, anna.id, "not the password", "another good sentence", BY)
    changed = change_own_password(session, anna.id, PASSWORD, "another good sentence", BY)
    assert fits(changed.password_hash, "another good sentence")


@pytest.mark.parametrize("change", [Change(role=Role.SUPPORT), Change(disabled=True)])
def test_the_last_admin_stays(session: Session, change: Change) -> None:
    anna, bob = add(session), add(session, "bob")
    change_operator(session, anna.id, change, BY)
    with pytest.raises(LastAdmin), session.begin_nested():
        change_operator(session, bob.id, change, BY)
    assert change_operator(session, anna.id, Change(Role.ADMIN, disabled=False), BY)
    assert change_operator(session, bob.id, change, BY)


def test_two_admins_who_disable_each_other_at_once_leave_one(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        ids = [add(session, name).id for name in ("anna", "bob")]
    start, refused = threading.Barrier(2), []

    def disable(one: int) -> None:
        start.wait(10)
        try:
            with transaction(tenant.id) as session:
                change_operator(session, ids[one], Change(disabled=True), BY)
        except LastAdmin:
            refused.append(one)

    threads = [threading.Thread(target=disable, args=(one,)) for one in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with transaction(tenant.id) as session:
        able = [one for one in queries.operators(session, None, 9) if one.disabled_at is None]
    assert (len(refused), len(able)) == (1, 1)


def test_a_flood_of_log_ins_takes_two_places_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_PATIENCE_S", 0.01)
    with passwords._turn(), passwords._turn(), pytest.raises(LogInBusy):
        fits(None, PASSWORD)


def test_all_of_it_is_written_down_and_no_password(session: Session) -> None:
    anna = add(session, role=Role.SUPPORT)
    change_operator(session, anna.id, Change(role=Role.FINANCE), BY)
    change_operator(session, anna.id, Change(password="another good sentence"), BY)
    written = [
        (one.act, one.subject, one.actor, one.request_id, one.before, one.after)
        for one in records(session, None, 9)
    ]
    who = ("operator anna", "admin:root", "r-1")
    finance = {"role": "finance", "disabled": False}
    support = {"role": "support", "disabled": False}
    assert written == [
        ("operator.change", *who, finance, {**finance, "password": "changed"}),
        ("operator.change", *who, support, finance),
        ("operator.add", *who, None, support),
    ]


def test_the_role_of_people_is_one_of_the_staff() -> None:
    assert {"admin", "marketing", "support", "finance", "operator"} == STAFF
