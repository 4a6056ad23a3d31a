"""Voucher codes: uploaded into a pool or made when they are asked for; each handed out once.

A code is free until a redemption has it: held with a hold (nobody is told it), given with a
capture or a redemption at once. From a hold it goes back to the pool; once given it is never
given again, and a cancelled redemption makes it void.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict, Invalid
from loyalty.ids import uuid7
from loyalty.programs.queries import Program
from loyalty.rewards.models import RewardRow

#: Without 0 O 1 I L and U: codes are read out and typed.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LEAST_LENGTH, USUAL_LENGTH, MOST_LENGTH = 12, 16, 40
MOST_CODES_AT_ONCE = 1000


class VoucherGone(Conflict):
    """409: the pool has no code left."""

    code = "voucher_gone"
    title = "There is no voucher left"
    cure = "Choose another reward, or have codes uploaded."


@dataclass(frozen=True, slots=True)
class Voucher:
    """A code, and until when it is good; `left` free ones are in the pool, None: it has none."""

    code: str
    expires_at: datetime | None
    left: int | None = None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """How many codes are new, and those that were known: within the tenant a code is unique."""

    added: int
    duplicates: Sequence[str]


_ADD = text(
    "INSERT INTO voucher (tenant_id, id, program_id, reward_id, code, status, added_at, expires_at)"
    " SELECT :tenant, r.id, :program, :reward, r.code, 'free', :at, :expires_at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:codes AS text[])) AS r(id, code)"
    " ON CONFLICT (tenant_id, code) DO NOTHING RETURNING code"
)
_TAKE = text(
    "UPDATE voucher SET status = :status, redemption_id = :redemption,"
    "  given_at = :given_at, expires_at = least(expires_at, CAST(:until AS timestamptz))"
    " WHERE tenant_id = :tenant AND id = ("
    "  SELECT id FROM voucher WHERE tenant_id = :tenant AND reward_id = :reward"
    "   AND status = 'free' AND (expires_at IS NULL OR expires_at > :good_at)"
    "  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING code, expires_at"
)
_LEFT = text(
    "SELECT count(*) FROM (SELECT FROM voucher WHERE tenant_id = :tenant AND reward_id = :reward"
    " AND status = 'free' AND (expires_at IS NULL OR expires_at > :at) LIMIT :most) f"
)
_MAKE = text(
    "INSERT INTO voucher (tenant_id, id, program_id, reward_id, code, status, redemption_id,"
    " added_at, given_at, expires_at)"
    " VALUES (:tenant, :id, :program, :reward, :code, :status, :redemption, :at, :given_at,"
    " :until)"
)
_GIVE = text(
    "UPDATE voucher SET status = 'given', given_at = :at,"
    "  expires_at = least(expires_at, CAST(:until AS timestamptz))"
    " WHERE tenant_id = :tenant AND redemption_id = :redemption AND status = 'held'"
    " RETURNING code, expires_at"
)
_BACK_TO_POOL = text(
    "UPDATE voucher SET status = 'free', redemption_id = NULL"
    " WHERE tenant_id = :tenant AND redemption_id = :redemption AND status = 'held'"
)
_VOID = text(
    "UPDATE voucher SET status = 'void' WHERE tenant_id = :tenant AND redemption_id = :redemption"
)


def upload(
    session: Session,
    program: Program,
    reward: RewardRow,
    codes: Collection[str],
    expires_at: datetime | None,
    by: By,
) -> Uploaded:
    """Adds codes to a pool; a known one is left as it is. Raises Invalid for what has no pool."""
    if reward.vouchers is None or reward.vouchers["from"] != "pool":
        raise Invalid.field("/codes", "no_pool", "This reward has no pool of codes.")
    added = add_codes(session, reward, codes, expires_at, by.at)
    known = set(codes) - added
    result = Uploaded(len(added), sorted(known))
    record(
        session,
        by,
        act="reward.vouchers",
        subject=f"program {program.slug} reward {reward.key}",
        after={"added": result.added, "known": len(known)},
    )
    return result


def add_codes(
    session: Session,
    reward: RewardRow,
    codes: Collection[str],
    expires_at: datetime | None,
    at: datetime,
) -> set[str]:
    """Adds codes to the pool of a reward that has one; returns those that nobody knew before."""
    fresh = sorted(set(codes))  # sorted: two uploads of the same codes wait, and do not deadlock
    added = session.execute(
        _ADD,
        {
            "tenant": session.info["tenant_id"],
            "program": reward.program_id,
            "reward": reward.id,
            "ids": [uuid7() for _ in fresh],
            "codes": fresh,
            "expires_at": expires_at,
            "at": at,
        },
    )
    return set(added.scalars())


def take_voucher(
    session: Session,
    reward: RewardRow,
    redemption_id: UUID,
    *,
    at: datetime,
    held_until: datetime | None = None,
) -> Voucher | None:
    """The redemption's own code, given or (until an instant) held; None for a reward without.

    Who comes at the same time takes another one: nobody waits. Raises VoucherGone.
    """
    held = held_until is not None
    settings = reward.vouchers
    if settings is None:
        return None
    values = {
        "tenant": session.info["tenant_id"],
        "reward": reward.id,
        "redemption": redemption_id,
        "status": "held" if held else "given",
        "given_at": None if held else at,
        "until": None if held else _until(settings.get("valid_days"), at),
        "good_at": held_until or at,
        "at": at,
    }
    if settings["from"] == "generated":
        code = make_code(settings.get("prefix") or "", settings.get("length") or USUAL_LENGTH)
        own = {"id": uuid7(), "program": reward.program_id, "code": code}
        session.execute(_MAKE, {**values, **own})
        return Voucher(code, values["until"])
    row = session.execute(_TAKE, values).one_or_none()
    if row is None:
        raise VoucherGone("There is no code left.")
    return Voucher(row.code, row.expires_at, _left(session, reward, at))


def give_held(
    session: Session, reward: RewardRow, redemption_id: UUID, at: datetime
) -> Voucher | None:
    """The code that was held with a redemption is the member's now."""
    until = _until((reward.vouchers or {}).get("valid_days"), at)
    row = session.execute(
        _GIVE,
        {
            "tenant": session.info["tenant_id"],
            "redemption": redemption_id,
            "until": until,
            "at": at,
        },
    ).one_or_none()
    return None if row is None else Voucher(row.code, row.expires_at)


def put_back(session: Session, reward: RewardRow, redemption_id: UUID) -> None:
    """A held code goes back to its pool; one that was made for this redemption is void."""
    from_pool = reward.vouchers is not None and reward.vouchers["from"] == "pool"
    session.execute(
        _BACK_TO_POOL if from_pool else _VOID,
        {"tenant": session.info["tenant_id"], "redemption": redemption_id},
    )


def void(session: Session, redemption_id: UUID) -> None:
    """A code that was given is good for nothing any more."""
    session.execute(_VOID, {"tenant": session.info["tenant_id"], "redemption": redemption_id})


def make_code(prefix: str, length: int) -> str:
    """A code that nobody guesses: 4.9 bits in each of its `length` ≥ 12 characters."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def _until(valid_days: int | None, at: datetime) -> datetime | None:
    return None if valid_days is None else at + timedelta(days=valid_days)


def _left(session: Session, reward: RewardRow, at: datetime) -> int | None:
    """How many free codes are left, counted no further than anybody wants to know."""
    if reward.low_at is None:
        return None
    return int(
        session.execute(
            _LEFT,
            {
                "tenant": session.info["tenant_id"],
                "reward": reward.id,
                "at": at,
                "most": reward.low_at + 1,
            },
        ).scalar_one()
    )
