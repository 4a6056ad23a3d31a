"""A key is followed by another: both open for a while, and nobody is shut out."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.tenants import queries
from loyalty.tenants.add_key import opens, split_key
from loyalty.tenants.issue_key import NewKey, issue_key
from loyalty.tenants.models import ApiKey
from loyalty.tenants.note_use import note_use
from loyalty.tenants.revoke_key import revoke_key
from loyalty.tenants.roles import Role
from loyalty.tenants.rotate_key import KeyEnded, KeyReplaced, rotate_key
from loyalty.transaction import across_tenants, transaction
from tests.tenant import TestTenant

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BY = By("admin:anna", "r-1", AT)
TILL = NewKey("till", Role.SERVER, ["earns"], ["pos"])


def _secret(bearer: str) -> str:
    split = split_key(bearer)
    assert split is not None
    return split[1]


def test_both_open_for_the_overlap_and_the_new_one_after_it(session: Session) -> None:
    key, bearer = issue_key(session, TILL, BY)
    rotated = rotate_key(session, key.id, DAY, BY)
    old, new = rotated.before, rotated.after
    assert old.replaced_by == new.id
    for at, old_opens in ((AT, True), (AT + DAY - timedelta(seconds=1), True), (AT + DAY, False)):
        assert opens(old, _secret(bearer), at) is old_opens
        assert opens(new, _secret(rotated.bearer), at)
    assert not opens(new, _secret(bearer), AT)


def test_the_new_one_may_do_what_the_old_one_may(session: Session) -> None:
    key, _ = issue_key(session, TILL, BY)
    new = rotate_key(session, key.id, DAY, BY).after
    assert (new.name, new.role, new.scopes, new.sources, new.expires_at) == (
        "till",
        "server",
        ["earns"],
        ["pos"],
        None,
    )


def test_without_overlap_the_old_one_ends_at_once(session: Session) -> None:
    key, bearer = issue_key(session, TILL, BY)
    assert not opens(rotate_key(session, key.id, timedelta(0), BY).before, _secret(bearer), AT)


def test_a_key_that_ends_is_followed_by_one_that_lives_as_long(session: Session) -> None:
    key, _ = issue_key(session, NewKey("till", Role.SERVER, expires_at=AT + 10 * DAY), BY)
    later = By("admin:anna", None, AT + 9 * DAY)
    rotated = rotate_key(session, key.id, 5 * DAY, later)
    assert rotated.after.expires_at == AT + 19 * DAY
    assert rotated.before.expires_at == AT + 10 * DAY  # not later than it would have


def test_a_key_is_followed_once(session: Session) -> None:
    key, _ = issue_key(session, TILL, BY)
    new = rotate_key(session, key.id, DAY, BY).after
    with pytest.raises(KeyReplaced, match=str(new.id)):
        rotate_key(session, key.id, DAY, BY)
    assert rotate_key(session, new.id, DAY, BY).before.id == new.id


def test_what_has_ended_is_not_followed(session: Session) -> None:
    revoked, _ = issue_key(session, TILL, BY)
    revoke_key(session, revoked.id, BY)
    expired, _ = issue_key(session, NewKey("till", Role.SERVER, expires_at=AT + DAY), BY)
    for key, at in ((revoked, AT), (expired, AT + DAY)):
        with pytest.raises(KeyEnded):
            rotate_key(session, key.id, DAY, By("admin:anna", None, at))


def test_rotated_by_two_at_once_it_is_followed_by_one(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        key, _ = issue_key(session, TILL, BY)
    start, outcomes = threading.Barrier(2), []

    def rotate() -> None:
        start.wait(10)
        try:
            with transaction(tenant.id) as session:
                rotate_key(session, key.id, DAY, BY)
            outcomes.append("rotated")
        except KeyReplaced:
            outcomes.append("refused")

    threads = [threading.Thread(target=rotate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["refused", "rotated"]
    with transaction(tenant.id) as session:
        assert len(queries.keys(session, None, 9)) == 2


def test_it_is_written_down_with_before_and_after(session: Session) -> None:
    key, _ = issue_key(session, TILL, BY)
    new = rotate_key(session, key.id, DAY, BY).after
    rotation, added, _ = records(session, None, 9)
    assert (rotation.act, rotation.subject) == ("api_key.rotate", f"api_key {key.id}")
    assert (rotation.before or {})["expires_at"] is None
    assert (rotation.after or {})["expires_at"] == (AT + DAY).isoformat()
    assert (rotation.after or {})["replaced_by"] == str(new.id)
    assert (added.act, (added.after or {})["instead_of"]) == ("api_key.add", str(key.id))


def _used(tenant: TestTenant, key: ApiKey, at: datetime) -> datetime | None:
    with across_tenants() as session:
        found = queries.key_of_prefix(session, key.prefix)
        assert found is not None
        note_use(session, found, at)
    with transaction(tenant.id) as session:
        return queries.key(session, key.id).last_used_at


def test_when_it_was_last_used_is_known_to_the_minute(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        key, _ = issue_key(session, TILL, BY)
    assert key.last_used_at is None
    seconds = timedelta(seconds=1)
    assert _used(tenant, key, AT) == AT
    assert _used(tenant, key, AT + 59 * seconds) == AT  # nobody writes for each request
    assert _used(tenant, key, AT + 60 * seconds) == AT + 60 * seconds


def test_noting_a_use_waits_for_nobody(tenant: TestTenant) -> None:
    with transaction(tenant.id) as session:
        key, _ = issue_key(session, TILL, BY)
    with transaction(tenant.id) as session:
        queries.key(session, key.id, lock=True)  # it is being rotated
        assert _used(tenant, key, AT) is None
