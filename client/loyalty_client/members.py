"""What the bank tells of members, their points, and what moved them.

Points are ints, money is Decimal, instants are in UTC. Later versions of the bank may tell more,
which is passed over, and know other words for a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from loyalty_client.orders import Identifier


@dataclass(frozen=True, slots=True)
class Balance:
    """Where points stand; `owed` is a debt."""

    available: int
    pending: int
    held: int
    owed: int


@dataclass(frozen=True, slots=True)
class Figures(Balance):
    """Where points stand, and all that was ever given."""

    lifetime: int


@dataclass(frozen=True, slots=True)
class BalanceThen(Balance):
    """The balance of what had occurred by `as_of`, as it was known at `known_at`."""

    as_of: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Tier:
    """The tier a member stands on, since when, and until when it is kept at least."""

    key: str
    name: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing: points, or money, as the program's tiers ask."""

    points: int | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class NextTier:
    """The tier above."""

    key: str
    name: str
    missing: Missing


@dataclass(frozen=True, slots=True)
class Keep:
    """What must be gained, and by when, to keep the present tier."""

    by: datetime
    missing: Missing


@dataclass(frozen=True, slots=True)
class Expiring:
    """Available points that expire together."""

    points: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A member in a program. `status`: active, suspended or cancelled."""

    member_id: str
    status: str
    tier: Tier
    next_tier: NextTier | None
    keep: Keep | None
    points: Figures
    expiring: tuple[Expiring, ...]
    joined_at: datetime
    left_at: datetime | None
    name: str | None
    birthday: date | None
    time_zone: str | None
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TierName:
    """A tier by its names."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member that a search has found."""

    member_id: str
    name: str | None
    status: str
    tier: TierName
    points: Balance
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """One program of a member; `tier` is a key."""

    program: str
    status: str
    tier: str
    points: Balance
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """A member in every program. `merged` are the ids of those who are the same person."""

    member_id: str
    name: str | None
    birthday: date | None
    time_zone: str | None
    attributes: Mapping[str, Any]
    identifiers: tuple[Identifier, ...]
    programs: tuple[Joined, ...]
    merged: tuple[str, ...]
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberToken:
    """A token with which an app speaks for one member until `expires_at`."""

    token: str
    member_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """By how many points each bucket changed."""

    available: int = 0
    pending: int = 0
    held: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of a member's points: a sentence, the change, and the balance after it."""

    id: str
    kind: str
    text: str
    change: Change
    balance: Balance
    cause_id: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Points that were given or taken, and the balance after it."""

    id: str
    points: int
    reason: str
    occurred_at: datetime
    balance: Balance


@dataclass(frozen=True, slots=True)
class AdjustmentRequest:
    """An adjustment that a second person is to approve until `expires_at`; no point moved yet."""

    id: str
    program: str
    member_id: str
    points: int
    reason: str
    status: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
