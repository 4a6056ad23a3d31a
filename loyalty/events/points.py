"""Public events of points: each is an entry of the ledger, read and not written again.

A field that is in v1 stays as it is for ever. What must change becomes a class of its own, `.v2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.ledger.rules import Bucket, Kind


@dataclass(frozen=True, slots=True)
class BalanceAfter:
    """The four figures after it, in points."""

    pending: int
    available: int
    held: int
    owed: int


@dataclass(frozen=True, slots=True)
class PointsMoved:
    """Points of a member went from bucket to bucket. `cause_id` is the purchase, return,
    redemption … that moved them; `entry` names the movement in statements."""

    TYPE: ClassVar[str]
    entry: str
    kind: str
    member_id: str
    points: int
    from_bucket: str
    to_bucket: str
    cause_id: str
    balance: BalanceAfter


class PointsEarned(PointsMoved):
    """Earned and available at once; or, `to` is owed, earned and taken for a debt."""

    TYPE = "points.earned.v1"


class PointsPending(PointsMoved):
    """Earned, and to be available later."""

    TYPE = "points.pending.v1"


class PointsActivated(PointsMoved):
    """Pending points became available."""

    TYPE = "points.activated.v1"


class PointsExpired(PointsMoved):
    """Nobody spent them in time."""

    TYPE = "points.expired.v1"


class PointsHeld(PointsMoved):
    """Set aside for a redemption that is not captured yet."""

    TYPE = "points.held.v1"


class PointsReleased(PointsMoved):
    """A hold ended without a redemption: released, or lapsed (see `kind`)."""

    TYPE = "points.released.v1"


class PointsRedeemed(PointsMoved):
    """Spent: at once, or by the capture of a hold."""

    TYPE = "points.redeemed.v1"


class PointsCancelled(PointsMoved):
    """A redemption was cancelled and its points came back."""

    TYPE = "points.cancelled.v1"


class PointsReturned(PointsMoved):
    """A purchase came back and took its points with it; from `owed`, it left a debt."""

    TYPE = "points.returned.v1"


class PointsForfeited(PointsMoved):
    """The member left, and with them what was available or pending."""

    TYPE = "points.forfeited.v1"


class PointsAdjusted(PointsMoved):
    """Given (from `adjusted`) or taken (to `adjusted`) by hand."""

    TYPE = "points.adjusted.v1"


class PointsTransferred(PointsMoved):
    """To another account or from it: a transfer, or a merge of members (see `kind`)."""

    TYPE = "points.transferred.v1"


class PointsSettled(PointsMoved):
    """Available points paid a debt."""

    TYPE = "points.settled.v1"


class PointsBroughtIn(PointsMoved):
    """The balance with which a member came from another system."""

    TYPE = "points.brought_in.v1"


_BY_KIND: dict[str, type[PointsMoved]] = {
    Kind.AWARD: PointsEarned,
    Kind.ACTIVATE: PointsActivated,
    Kind.EXPIRE: PointsExpired,
    Kind.HOLD: PointsHeld,
    Kind.RELEASE: PointsReleased,
    Kind.LAPSE: PointsReleased,
    Kind.REDEEM: PointsRedeemed,
    Kind.CAPTURE: PointsRedeemed,
    Kind.CANCEL: PointsCancelled,
    Kind.REVERSE: PointsReturned,
    Kind.FORFEIT: PointsForfeited,
    Kind.ADJUST: PointsAdjusted,
    Kind.TRANSFER: PointsTransferred,
    Kind.MERGE: PointsTransferred,
    Kind.SETTLE: PointsSettled,
    "opening": PointsBroughtIn,
}
POINTS: tuple[type[PointsMoved], ...] = (PointsPending, *dict.fromkeys(_BY_KIND.values()))


def event_of(kind: str, to_bucket: str, *, of_return: bool) -> type[PointsMoved]:
    """What an entry is called outside. `of_return`: its cause is a return; who leaves loses
    pending points too."""
    if kind == Kind.AWARD and to_bucket == Bucket.PENDING:
        return PointsPending
    if kind == Kind.REVERSE and not of_return:
        return PointsForfeited
    return _BY_KIND[kind]
