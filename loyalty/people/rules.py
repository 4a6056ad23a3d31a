"""What an entry says to the member: pure. A change per bucket, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from loyalty.ledger.rules import Bucket, Kind
from loyalty.programs.unit import counted

_OWN = (Bucket.PENDING, Bucket.AVAILABLE, Bucket.HELD, Bucket.OWED)


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry and what is known of its cause: `cause` names it, `amount` is its money, `other`
    the member on the other side of a transfer."""

    kind: Kind
    from_bucket: Bucket
    to_bucket: Bucket
    points: int
    cause: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    other: str | None = None


def change(movement: Movement) -> dict[str, int]:
    """By how many points each bucket of the account changed; `owed` grows with a debt."""
    changes = {}
    for bucket, points in (
        (movement.from_bucket, -movement.points),
        (movement.to_bucket, movement.points),
    ):
        if bucket in _OWN:
            changes[bucket.value] = -points if bucket is Bucket.OWED else points
    return changes


def sentence(movement: Movement, unit: str) -> str:
    """The entry in words; `unit` is what the program calls its points."""
    points = counted(movement.points, unit)
    money = _money(movement)
    cause = movement.cause
    if movement.kind is Kind.AWARD:
        earned = f"{points} earned"
        if movement.to_bucket is Bucket.OWED:
            earned = f"{points} earned, paid towards what was owed"
        return earned + (f" for {money}" if money else "") + (f" ({cause})" if cause else "")
    if movement.kind is Kind.REDEEM:
        spent = f"{points} spent" + (f" on {cause}" if cause else "")
        return spent + (f", worth {money}" if money else "")
    if movement.kind is Kind.ADJUST:
        verb = "taken" if movement.to_bucket is Bucket.ADJUSTED else "given"
        return f"{points} {verb}" + (f": {cause}" if cause else "")
    if movement.kind is Kind.REVERSE and cause:
        verb = "owed" if movement.from_bucket is Bucket.OWED else "taken back"
        return f"{points} {verb} for a return ({cause})"
    if movement.kind is Kind.TRANSFER and movement.other:
        verb = "given to" if movement.to_bucket is Bucket.TRANSFERRED else "got from"
        return f"{points} {verb} {movement.other}" + (f": {cause}" if cause else "")
    if movement.kind is Kind.MERGE and cause:
        return f"{points} moved, for {cause}"
    return f"{points} {_PLAIN[movement.kind]}" + (f" ({cause})" if cause else "")


_PLAIN = {
    Kind.HOLD: "set aside",
    Kind.CAPTURE: "spent from what was set aside",
    Kind.RELEASE: "no longer set aside",
    Kind.LAPSE: "no longer set aside, for the time to use them has passed",
    Kind.CANCEL: "returned from a cancelled redemption",
    Kind.ACTIVATE: "can be spent now",
    Kind.EXPIRE: "expired",
    Kind.FORFEIT: "forfeited on leaving",
    Kind.REVERSE: "taken back",
    Kind.TRANSFER: "transferred",
    Kind.MERGE: "moved with the merged membership",
    Kind.SETTLE: "paid towards what was owed",
    Kind.OPENING: "brought along",
}


def _money(movement: Movement) -> str:
    if movement.amount is None or movement.currency is None:
        return ""
    digits = f"{movement.amount:.4f}"
    digits = digits[:-2] if digits.endswith("00") else digits.removesuffix("0")
    return f"{digits} {movement.currency}"


@dataclass(frozen=True, slots=True)
class Later:
    """What happened to points of a lot after an entry: `entry` is its id."""

    entry: str
    kind: str
    points: int
    from_bucket: str
    to_bucket: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class LotTold:
    """A lot that an entry `made`, `drew` from, `returned` to, or `activated`.

    `here` points of its `points` were moved by the entry; `remaining` are left of it now. `id` is
    that of the entry that made it, of the kind `made_by`.
    """

    id: str
    role: str
    here: int
    points: int
    remaining: int
    active: bool
    activates_at: datetime | None
    expires_at: datetime | None
    made_by: str
    later: Sequence[Later]


def change_of_lot(from_bucket: str, to_bucket: str) -> str:
    """What an entry between these buckets does to the lots that it names."""
    own = (Bucket.PENDING, Bucket.AVAILABLE)
    if from_bucket in own:
        return "activated" if to_bucket in own else "drew"
    return "returned"


def explained(
    text: str,
    why: str,
    actor: str | None,
    reason: str | None,
    lots: Sequence[LotTold],
    unit: str,
) -> str:
    """The whole explanation in English: what, why, who, the lots, and what became of them."""
    by = f", by {actor}" if actor else ""
    because = f", because: {reason}" if reason and reason not in text else ""
    sentences = [f"{text}{by}{because}.", why]
    sentences += [_lot_sentence(lot, unit) for lot in lots[:_MOST_TOLD]]
    if len(lots) > _MOST_TOLD:
        sentences.append(f"And {len(lots) - _MOST_TOLD} more lots.")
    return " ".join(one for one in sentences if one)


_MOST_TOLD = 5
_ROLES = {
    "made": "They are the lot {id}, which {life}.",
    "drew": "{here} came from the lot {id} of {points}, which {life}.",
    "returned": "{here} went back to the lot {id} of {points}, which {life}.",
    "activated": "{here} of the lot {id} can be spent since, and it {life}.",
}


def _lot_sentence(lot: LotTold, unit: str) -> str:
    told = _ROLES[lot.role].format(
        id=lot.id, life=_life(lot), here=counted(lot.here, unit), points=counted(lot.points, unit)
    )
    after = [f"{counted(one.points, unit)} {_became(one)} ({one.entry})" for one in lot.later]
    shown = after[:_MOST_TOLD]
    if len(after) > _MOST_TOLD:
        shown.append(f"{len(after) - _MOST_TOLD} more entries followed")
    since = f" Since then {', '.join(shown)};" if shown else " Nothing has happened to it since;"
    return f"{told}{since} {counted(lot.remaining, unit)} of it are left."


def _life(lot: LotTold) -> str:
    waits = ""
    if not lot.active:
        waits = (
            f"waits until {_day(lot.activates_at)} and " if lot.activates_at else "is pending and "
        )
    return waits + (f"expires on {_day(lot.expires_at)}" if lot.expires_at else "never expires")


def _day(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _became(one: Later) -> str:
    if change_of_lot(one.from_bucket, one.to_bucket) == "returned":
        return "came back"
    return _AFTERWARDS[Bucket(one.to_bucket)]


_AFTERWARDS = {
    Bucket.AVAILABLE: "became spendable",
    Bucket.PENDING: "became pending",
    Bucket.HELD: "were set aside",
    Bucket.OWED: "paid what was owed",
    Bucket.REDEEMED: "were spent",
    Bucket.EXPIRED: "expired",
    Bucket.REVERSED: "were taken back",
    Bucket.ADJUSTED: "were taken by an adjustment",
    Bucket.FORFEITED: "were forfeited",
    Bucket.TRANSFERRED: "went to another account",
}
