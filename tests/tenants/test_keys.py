"""API keys: told once, hashed at rest, ended for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Invalid, NotFound
from loyalty.tenants import queries
from loyalty.tenants.add_key import add_key, opens, split_key
from loyalty.tenants.models import ApiKey
from loyalty.tenants.revoke_key import revoke_key
from loyalty.tenants.roles import Role

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)


def _add(session: Session, **changed: Any) -> tuple[ApiKey, str]:
    wanted: dict[str, Any] = {
        "tenant_id": session.info["tenant_id"],
        "name": "till",
        "role": Role.SERVER,
        "scopes": None,
        "sources": None,
        "expires_at": None,
        "at": AT,
    }
    return add_key(session, **{**wanted, **changed})


def test_what_is_told_opens_and_is_nowhere_kept(session: Session) -> None:
    key, bearer = _add(session)
    assert bearer.startswith(f"lk_{key.prefix}_")
    prefix, secret = split_key(bearer) or ("", "")
    found = queries.key_of_prefix(session, prefix)
    assert found is key
    assert opens(found, secret, AT)
    assert len(secret) == 43
    [row] = session.execute(select(ApiKey.__table__)).all()
    assert secret not in repr(row)
    assert bytes(row.secret_hash) == sha256(secret.encode()).digest()


@pytest.mark.parametrize("guess", ["", "x", "x" * 43, "é"])
def test_another_secret_does_not_open(session: Session, guess: str) -> None:
    key, _ = _add(session)
    assert not opens(key, guess, AT)


@pytest.mark.parametrize("text", ["", "lk", "lk_", "lk_abc", "sk_abc_def", "eyJh.eyJh.sig"])
def test_what_is_no_key(text: str) -> None:
    assert split_key(text) is None


def test_a_secret_may_hold_the_separator() -> None:
    assert split_key("lk_abc_d_e_f") == ("abc", "d_e_f")


def test_a_key_ends_at_its_expiry(session: Session) -> None:
    key, bearer = _add(session, expires_at=AT + timedelta(days=1))
    secret = bearer.split("_", 2)[2]
    assert opens(key, secret, AT + timedelta(hours=23))
    assert not opens(key, secret, AT + timedelta(days=1))


def test_revoking_ends_a_key_and_twice_is_once(session: Session) -> None:
    key, bearer = _add(session)
    assert revoke_key(session, key.id, By("anna", None, AT)).revoked_at == AT
    later = By("anna", None, AT + timedelta(days=1))
    assert revoke_key(session, key.id, later).revoked_at == AT
    session.refresh(key)
    assert not opens(key, bearer.split("_", 2)[2], AT)


def test_what_is_not_there_cannot_be_revoked(session: Session) -> None:
    with pytest.raises(NotFound):
        revoke_key(session, uuid4(), By("anna", None, AT))


@pytest.mark.parametrize(
    ("changed", "where", "code"),
    [
        ({"role": Role.MEMBER}, "/role", "not_for_keys"),
        ({"scopes": ["earns", "gold"]}, "/scopes", "unknown_scope"),
        ({"expires_at": AT}, "/expires_at", "in_the_past"),
    ],
)
def test_what_makes_no_sense_is_refused(
    session: Session, changed: dict[str, Any], where: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        _add(session, **changed)
    [error] = refused.value.errors
    assert (error.pointer, error.code) == (where, code)
    assert queries.keys(session, None, 10) == []


def test_keys_are_listed_newest_first_page_by_page(session: Session) -> None:
    added = [_add(session, name=str(number))[0] for number in range(5)]
    first = queries.keys(session, None, 3)
    rest = queries.keys(session, first[-1].id, 3)
    assert [key.name for key in (*first, *rest)] == ["4", "3", "2", "1", "0"]
    assert {key.id for key in (*first, *rest)} == {key.id for key in added}
