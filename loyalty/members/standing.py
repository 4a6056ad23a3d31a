"""How members stand: what the award reads under the account's lock, and raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Standing:
    """A membership as the rules need it; `status` is active, suspended or cancelled."""

    membership_id: int
    account_id: int
    status: str
    tier_key: str
    joined_at: datetime


_STANDINGS = text(
    "SELECT id, account_id, status, tier_key, joined_at FROM membership"
    " WHERE tenant_id = :tenant AND id = ANY(:ids)"
)
_RAISE = text(
    "UPDATE membership m SET tier_key = r.tier_key, tier_since = :at, tier_until = NULL"
    " FROM json_to_recordset(CAST(:risen AS json)) AS r(id bigint, tier_key text)"
    " WHERE m.tenant_id = :tenant AND m.id = r.id"
)


def standings(session: Session, membership_ids: Iterable[int]) -> dict[int, Standing]:
    """The memberships by id. Read after their accounts are locked: who changes one locks first."""
    rows = session.execute(
        _STANDINGS, {"tenant": session.info["tenant_id"], "ids": sorted(set(membership_ids))}
    )
    return {
        row.id: Standing(row.id, row.account_id, row.status, row.tier_key, row.joined_at)
        for row in rows
    }


def raise_tiers(session: Session, risen: Mapping[int, str], at: datetime) -> None:
    """Puts memberships (id → tier key) on a new tier; their accounts are locked."""
    if not risen:
        return
    pairs = [{"id": one, "tier_key": key} for one, key in sorted(risen.items())]
    session.execute(
        _RAISE,
        {"tenant": session.info["tenant_id"], "at": at, "risen": orjson.dumps(pairs).decode()},
    )
