"""The book as a few lines of arithmetic: what the real one must agree with after every step."""

from __future__ import annotations

from dataclasses import dataclass, field

from loyalty.ledger.rules import MAX_POINTS

#: 100 points are worth 1.00, and money has twelve digits before the point.
MOST_SPENT_AT_ONCE = 99_999_999_999_999
#: Days.
WAITS, LIVES = 3, 10
TIERS = (("platinum", 1000), ("gold", 500), ("basic", 0))
_RANKS = {"basic": 0, "gold": 1, "platinum": 2}


@dataclass(slots=True)
class PlainLot:
    """Points that can be spent from a day on, until a day (None: for ever). `earn` is the purchase
    that they were awarded for."""

    points: int
    from_day: int = 0
    until_day: int | None = None
    earn: str | None = None

    def has_expired(self, day: int) -> bool:
        return self.until_day is not None and self.until_day <= day


@dataclass(slots=True)
class PlainMember:
    """A member who may never have joined. Of `lots`, the oldest first, those that have expired
    stay until somebody writes it."""

    status: str = "unknown"
    lots: list[PlainLot] = field(default_factory=list)
    lifetime: int = 0
    tier_points: int = 0
    tier: str = "basic"

    def available(self, day: int) -> int:
        """What can be spent on that day."""
        lives = [lot for lot in self.lots if lot.from_day <= day and not lot.has_expired(day)]
        return sum(lot.points for lot in lives)

    def pending(self, day: int) -> int:
        """What waits on that day."""
        return sum(lot.points for lot in self.lots if lot.from_day > day)

    def forgets_expired(self, day: int) -> None:
        """What every verb but an award does first, and beat."""
        self.lots = [lot for lot in self.lots if not lot.has_expired(day)]

    def takes(self, lot: PlainLot) -> bool:
        """Points come in and count for the tier; if they do not fit: False, and nothing is done."""
        points = lot.points
        if sum(one.points for one in self.lots) + points > MAX_POINTS:
            return False
        self.lots.append(lot)
        self.lifetime = min(MAX_POINTS, self.lifetime + points)
        self.tier_points = min(MAX_POINTS, self.tier_points + points)
        reached = next(key for key, threshold in TIERS if self.tier_points >= threshold)
        self.tier = max(self.tier, reached, key=_RANKS.__getitem__)
        return True

    def loses(self, points: int, day: int) -> None:
        """Points that are there leave: those that expire soonest first, then the oldest."""
        self.forgets_expired(day)
        able = [lot for lot in self.lots if lot.from_day <= day]
        for lot in sorted(able, key=lambda lot: (lot.until_day is None, lot.until_day or 0)):
            taken = min(points, lot.points)
            lot.points -= taken
            points -= taken
        self.lots = [lot for lot in self.lots if lot.points]

    def spends(self, points: int, day: int) -> str:
        """`redeemed`, or the code of the refusal."""
        if self.status == "unknown":
            return "not_enrolled"
        if points > MOST_SPENT_AT_ONCE:
            return "above_maximum"
        if self.status != "active":
            return "not_active"
        if points > self.available(day):
            return "insufficient_points"
        self.loses(points, day)
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
            self.status, self.lots = "cancelled", []


@dataclass(slots=True)
class PlainPurchase:
    """`status`: accepted, awarded, parked or rejected."""

    member: str
    points: int
    day: int
    status: str = "accepted"


@dataclass(slots=True)
class PlainBook:
    """One program in which 1 USD is 1 point, that waits and then lives for so many days."""

    members: dict[str, PlainMember] = field(default_factory=dict)
    purchases: dict[str, PlainPurchase] = field(default_factory=dict)
    paused: bool = False
    day: int = 0

    def lot_of(self, key: str) -> PlainLot:
        """What a purchase earns when it is judged today."""
        purchase = self.purchases[key]
        first = max(purchase.day + WAITS, self.day)
        return PlainLot(purchase.points, first, first + LIVES, key)

    def releases(self, key: str) -> str:
        """`released`, or the code of the refusal."""
        member = self.members[self.purchases[key].member]
        for lot in member.lots:
            if lot.earn == key and lot.from_day > self.day:
                member.forgets_expired(self.day)
                lot.from_day = self.day
                return "released"
        return "nothing_pending"

    def settles(self) -> None:
        """What is open is judged, in the order in which it came, unless the program is paused."""
        for key, purchase in self.purchases.items():
            if purchase.status == "accepted" and not self.paused:
                member = self.members[purchase.member]
                if member.status != "active":
                    purchase.status = "parked"
                elif member.takes(self.lot_of(key)):
                    purchase.status = "awarded"
                else:
                    purchase.status = "rejected"

    def goes_on(self, name: str) -> None:
        """What was parked for a member is open again."""
        for purchase in self.purchases.values():
            if purchase.member == name and purchase.status == "parked":
                purchase.status = "accepted"
