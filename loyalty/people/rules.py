"""What an entry says to the member: pure. A change per bucket, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from loyalty.ledger.rules import Bucket, Kind
from loyalty.programs.unit import counted

_OWN = (Bucket.PENDING, Bucket.AVAILABLE, Bucket.HELD, Bucket.OWED)


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry and what is known of its cause: `cause` names it, `amount` is its money."""

    kind: Kind
    from_bucket: Bucket
    to_bucket: Bucket
    points: int
    cause: str | None = None
    amount: Decimal | None = None
    currency: str | None = None


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
        return f"{points} spent" + (f", worth {money}" if money else "")
    if movement.kind is Kind.ADJUST:
        verb = "taken" if movement.to_bucket is Bucket.ADJUSTED else "given"
        return f"{points} {verb}" + (f": {cause}" if cause else "")
    if movement.kind is Kind.REVERSE and cause:
        verb = "owed" if movement.from_bucket is Bucket.OWED else "taken back"
        return f"{points} {verb} for a return ({cause})"
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
    Kind.SETTLE: "settled",
}


def _money(movement: Movement) -> str:
    if movement.amount is None or movement.currency is None:
        return ""
    digits = f"{movement.amount:.4f}"
    digits = digits[:-2] if digits.endswith("00") else digits.removesuffix("0")
    return f"{digits} {movement.currency}"
