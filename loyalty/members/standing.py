"""How members stand: what the award reads under the account's lock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Standing(NamedTuple):
    """A membership as the rules need it; `status` is active, suspended or cancelled."""

    membership_id: int
    program_id: int
    account_id: int
    status: str
    joined_at: datetime
    tier_key: str
    tier_since: datetime
    tier_until: datetime | None
    tier_protected_until: datetime | None
    tier_review_at: datetime | None
    tier_epoch: int


_STANDINGS = text(
    "SELECT id, program_id, account_id, status, joined_at, tier_key, tier_since, tier_until,"
    " tier_protected_until, tier_review_at, tier_epoch FROM membership"
    " WHERE tenant_id = :tenant AND id = ANY(:ids)"
)


def standings(session: Session, membership_ids: Iterable[int]) -> dict[int, Standing]:
    """The memberships by id. Read after their accounts are locked: who changes one locks first."""
    rows = session.execute(
        _STANDINGS, {"tenant": session.info["tenant_id"], "ids": sorted(set(membership_ids))}
    )
    return {row[0]: Standing(*row) for row in rows}
