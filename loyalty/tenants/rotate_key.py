"""A key is followed by a new one; for a while both open, so that nobody is shut out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict
from loyalty.tenants.issue_key import NewKey, issue_key, told
from loyalty.tenants.models import ApiKey
from loyalty.tenants.queries import key as key_of
from loyalty.tenants.roles import Role
from loyalty.tenants.rules import life_of_next, overlap_ends

LONGEST_OVERLAP = timedelta(days=30)


class KeyEnded(Conflict):
    """409: a key that opens nothing any more is not followed."""

    code = "key_ended"
    title = "The key has ended"
    cure = "Make a new key."


class KeyReplaced(Conflict):
    """409: another key follows it already."""

    code = "key_replaced"
    title = "Another key follows this one already"
    cure = "Rotate the key that `replaced_by` names, whose secret was told when it was made."


@dataclass(frozen=True, slots=True)
class Rotated:
    """The key that ends, the one that follows it, and what the bearer of that one sends."""

    before: ApiKey
    after: ApiKey
    bearer: str


def rotate_key(session: Session, key_id: UUID, overlap: timedelta, by: By) -> Rotated:
    """Makes a key that may do the same; the present one ends after `overlap`.

    A key that ends is followed by one that lives as long as it was given. Raises NotFound,
    KeyEnded, KeyReplaced.
    """
    present = key_of(session, key_id, lock=True)
    must_open(present, by.at)
    if present.replaced_by is not None:
        raise KeyReplaced(f"It is followed by {present.replaced_by}.")
    before = told(present)
    following, bearer = issue_key(session, next_of(present, by.at), by, instead_of=present.id)
    present.replaced_by = following.id
    present.expires_at = overlap_ends(present.expires_at, by.at + overlap)
    session.flush()
    record(
        session,
        by,
        act="api_key.rotate",
        subject=f"api_key {present.id}",
        before=before,
        after={**told(present), "replaced_by": str(following.id)},
    )
    return Rotated(present, following, bearer)


def next_of(present: ApiKey, at: datetime) -> NewKey:
    """What the key that follows may do, and until when."""
    return NewKey(
        present.name,
        Role(present.role),
        present.scopes,
        present.sources,
        life_of_next(present.created_at, present.expires_at, at),
    )


def must_open(key: ApiKey, at: datetime) -> None:
    """Raises KeyEnded for a key that is revoked or expired at `at`."""
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= at):
        raise KeyEnded("It is revoked or expired.")
