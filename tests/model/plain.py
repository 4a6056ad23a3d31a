"""The book as a few lines of arithmetic: what the real one must agree with after every step."""

from __future__ import annotations

from dataclasses import dataclass, field

from loyalty.ledger.rules import MAX_POINTS

#: 100 points are worth 1.00, and money has twelve digits before the point.
MOST_SPENT_AT_ONCE = 99_999_999_999_999
TIERS = (("platinum", 1000), ("gold", 500), ("basic", 0))
_RANKS = {"basic": 0, "gold": 1, "platinum": 2}


@dataclass(slots=True)
class PlainMember:
    """A member who may never have joined. Points are `available`; nothing here is ever pending."""

    status: str = "unknown"
    points: int = 0
    lifetime: int = 0
    tier_points: int = 0
    tier: str = "basic"

    def takes(self, points: int) -> bool:
        """Points come in and count for the tier; if they do not fit: False, and nothing is done."""
        if self.points + points > MAX_POINTS:
            return False
        self.points += points
        self.lifetime = min(MAX_POINTS, self.lifetime + points)
        self.tier_points = min(MAX_POINTS, self.tier_points + points)
        reached = next(key for key, threshold in TIERS if self.tier_points >= threshold)
        self.tier = max(self.tier, reached, key=_RANKS.__getitem__)
        return True

    def spends(self, points: int) -> str:
        """`redeemed`, or the code of the refusal."""
        if self.status == "unknown":
            return "not_enrolled"
        if points > MOST_SPENT_AT_ONCE:
            return "above_maximum"
        if self.status != "active":
            return "not_active"
        if points > self.points:
            return "insufficient_points"
        self.points -= points
        return "redeemed"

    def joins(self) -> bool:
        """For the first time or again; False for who is in."""
        if self.status in {"active", "suspended"}:
            return False
        self.status, self.tier, self.tier_points = "active", "basic", 0
        return True

    def leaves(self) -> None:
        """What is there is forfeited; leaving twice changes nothing."""
        if self.status != "unknown":
            self.status, self.points = "cancelled", 0


@dataclass(slots=True)
class PlainPurchase:
    """`status`: accepted, awarded, parked or rejected."""

    member: str
    points: int
    status: str = "accepted"


@dataclass(slots=True)
class PlainBook:
    """One program in which 1 USD is 1 point."""

    members: dict[str, PlainMember] = field(default_factory=dict)
    purchases: dict[str, PlainPurchase] = field(default_factory=dict)
    paused: bool = False

    def settles(self) -> None:
        """What is open is judged, in the order in which it came, unless the program is paused."""
        for purchase in self.purchases.values():
            if purchase.status == "accepted" and not self.paused:
                member = self.members[purchase.member]
                if member.status != "active":
                    purchase.status = "parked"
                elif member.takes(purchase.points):
                    purchase.status = "awarded"
                else:
                    purchase.status = "rejected"

    def goes_on(self, name: str) -> None:
        """What was parked for a member is open again."""
        for purchase in self.purchases.values():
            if purchase.member == name and purchase.status == "parked":
                purchase.status = "accepted"
