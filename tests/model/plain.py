"""The book as a few lines of arithmetic: what the real one must agree with after every step."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count

from loyalty.ledger.rules import MAX_POINTS

#: 100 points are worth 1.00, and money has twelve digits before the point.
MOST_SPENT_AT_ONCE = 99_999_999_999_999
#: Days.
WAITS, LIVES = 3, 10
#: Of the campaign: so many visits are so many points, so many times.
VISITS, BONUS, ROUNDS = 3, 7, 2
TIERS = (("platinum", 1000), ("gold", 500), ("basic", 0))
_RANKS = {"basic": 0, "gold": 1, "platinum": 2}
#: What comes later has the greater number.
_INSTANTS = count(1)


def instant() -> int:
    """The next instant."""
    return next(_INSTANTS)


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
class PlainSpending:
    """Points that were spent, or held until a day; `paid` by which lots, in burn order.

    `made` is the instant at which it was made.
    """

    member: str
    points: int
    paid: list[tuple[PlainLot, int]]
    made: int
    until_day: int | None = None
    status: str = "redeemed"
    spent: int = 0

    def is_held(self, day: int) -> bool:
        return self.status == "held" and self.until_day is not None and self.until_day > day


@dataclass(slots=True)
class PlainMember:
    """A member who may never have joined. Of `lots`, the oldest first, those that have expired
    stay until somebody writes it, and so do `holds` whose time is over."""

    status: str = "unknown"
    lots: list[PlainLot] = field(default_factory=list)
    holds: list[PlainSpending] = field(default_factory=list)
    joined: int = 0
    lifetime: int = 0
    tier_points: int = 0
    tier: str = "basic"
    visits: int = 0

    def available(self, day: int) -> int:
        """What can be spent on that day."""
        lives = [lot for lot in self.lots if lot.from_day <= day and not lot.has_expired(day)]
        return sum(lot.points for lot in lives)

    def pending(self, day: int) -> int:
        """What waits on that day."""
        return sum(lot.points for lot in self.lots if lot.from_day > day)

    @property
    def held(self) -> int:
        """What is set aside."""
        return sum(one.points for one in self.holds)

    def forgets_expired(self, day: int) -> None:
        """What every verb but an award does first, and beat."""
        self.lots = [lot for lot in self.lots if not lot.has_expired(day)]

    def takes(self, lot: PlainLot) -> bool:
        """Points come in and count for the tier; if they do not fit: False, and nothing is done."""
        points = lot.points
        if sum(one.points for one in self.lots) + self.held + points > MAX_POINTS:
            return False
        self.lots.append(lot)
        self.lifetime = min(MAX_POINTS, self.lifetime + points)
        self.tier_points = min(MAX_POINTS, self.tier_points + points)
        reached = next(key for key, threshold in TIERS if self.tier_points >= threshold)
        self.tier = max(self.tier, reached, key=_RANKS.__getitem__)
        return True

    def loses(self, points: int, day: int) -> list[tuple[PlainLot, int]]:
        """Points that are there leave: those that expire soonest first, then the oldest."""
        self.forgets_expired(day)
        paid = []
        able = [lot for lot in self.lots if lot.from_day <= day]
        for lot in sorted(able, key=lambda lot: (lot.until_day is None, lot.until_day or 0)):
            taken = min(points, lot.points)
            lot.points -= taken
            points -= taken
            paid.append((lot, taken))
        return paid

    def refuses(self, points: int, day: int) -> str | None:
        """The code of the refusal to spend points; whose time is over lapses on the way."""
        if self.status == "unknown":
            return "not_enrolled"
        if points > MOST_SPENT_AT_ONCE:
            return "above_maximum"
        if self.status != "active":
            return "not_active"
        self.lapses(day)
        return "insufficient_points" if points > self.available(day) else None

    def spends(self, points: int, day: int) -> str:
        """`redeemed`, or the code of the refusal."""
        refusal = self.refuses(points, day)
        if refusal is None:
            self.loses(points, day)
        return refusal or "redeemed"

    def gets_back(self, one: PlainSpending, points: int, day: int) -> None:
        """The last that were drawn come first; what has expired, or was left behind, is lost."""
        self.forgets_expired(day)
        lost = self.status == "cancelled" or one.made < self.joined
        for number, (lot, taken) in reversed(list(enumerate(one.paid))):
            back = min(points, taken)
            points -= back
            one.paid[number] = (lot, taken - back)
            if not lost and not lot.has_expired(day):
                lot.points += back

    def frees(self, one: PlainSpending, points: int, day: int) -> None:
        """A hold ends; `points` of it come back."""
        self.holds.remove(one)
        self.gets_back(one, points, day)

    def lapses(self, day: int) -> None:
        """The holds whose time is over end."""
        for one in [one for one in self.holds if not one.is_held(day)]:
            one.status = "lapsed"
            self.frees(one, one.points, day)

    def visit_pays(self) -> bool:
        """Counts a visit; whether it completes a round."""
        self.visits += 1
        return self.visits % VISITS == 0 and self.visits <= VISITS * ROUNDS

    def joins(self) -> bool:
        """For the first time or again; False for who is in."""
        if self.status in {"active", "suspended"}:
            return False
        self.status, self.tier, self.tier_points = "active", "basic", 0
        self.joined = instant()
        return True

    def gives(self, other: PlainMember, points: int, day: int) -> str:
        """`transferred`, or the code of the refusal. Points keep their days, and count no more."""
        if "unknown" in {self.status, other.status}:
            return "not_enrolled"
        if self is other:
            return "invalid"
        if (self.status, other.status) != ("active", "active"):
            return "not_active"
        if points > self.available(day):
            return "insufficient_points"
        other_had = other.available(day) + other.pending(day) + other.held
        if other_had + points > MAX_POINTS:
            return "account_full"
        other.forgets_expired(day)
        arrived: dict[int | None, PlainLot] = {}
        for lot, taken in self.loses(points, day):
            if taken:
                to = arrived.setdefault(lot.until_day, PlainLot(0, day, lot.until_day))
                to.points += taken
        other.lots += arrived.values()
        return "transferred"

    def absorbs(self, other: PlainMember, day: int) -> bool:
        """Everything of the other is theirs; if it does not fit: False, and nothing is done."""
        for one in (self, other):
            one.forgets_expired(day)
        if sum(lot.points for lot in self.lots + other.lots) + self.held + other.held > MAX_POINTS:
            return False
        self.lots += sorted(other.lots, key=lambda lot: (lot.until_day is None, lot.until_day or 0))
        self.holds += other.holds
        self.lifetime = min(MAX_POINTS, self.lifetime + other.lifetime)
        present = [one for one in (self, other) if one.status != "cancelled"]
        if present:
            suspended = any(one.status == "suspended" for one in present)
            self.status = "suspended" if suspended else "active"
            self.joined = min(one.joined for one in present)
            self.tier_points = min(MAX_POINTS, sum(one.tier_points for one in present))
            reached = next(key for key, threshold in TIERS if self.tier_points >= threshold)
            tiers = [reached, *(one.tier for one in present)]
            self.tier = max(tiers, key=_RANKS.__getitem__)
        return True

    def leaves(self) -> None:
        """What is there is forfeited, what is held too; leaving twice changes nothing."""
        if self.status != "unknown":
            for one in self.holds:
                one.status = "lapsed"
            self.status, self.lots, self.holds = "cancelled", [], []


@dataclass(slots=True)
class PlainPurchase:
    """`status`: accepted, awarded, parked or rejected. A visit is one of no points, and what
    visits have won is one that nobody posted."""

    member: str
    points: int
    day: int
    status: str = "accepted"
    posted: bool = True


@dataclass(slots=True)
class PlainBook:
    """One program in which 1 USD is 1 point, that waits and then lives for so many days."""

    members: dict[str, PlainMember] = field(default_factory=dict)
    purchases: dict[str, PlainPurchase] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)  # name → who it means now
    paused: bool = False
    day: int = 0

    def member(self, name: str) -> PlainMember:
        """Who a name means."""
        return self.members[self.merged.get(name, name)]

    def merges(self, absorbed: str, survivor: str) -> str:
        """`merged`, or the code of the refusal."""
        one, other = self.members[absorbed], self.members[survivor]
        if absorbed == survivor:
            return "invalid"
        if "unknown" in {one.status, other.status}:
            return "not_found"
        if self.merged.keys() & {absorbed, survivor}:
            return "already_merged"
        if not other.absorbs(one, self.day):
            return "account_full"
        self.merged |= {name: survivor for name, who in self.merged.items() if who == absorbed}
        self.merged[absorbed] = survivor
        self.goes_on(survivor)
        return "merged"

    def would_merge(self, absorbed: str, survivor: str) -> str:
        """What `merges` would tell."""
        return deepcopy(self).merges(absorbed, survivor)

    def waits(self, name: str) -> bool:
        """Whether purchases of theirs are open, or will be when what is parked goes on."""
        who = self.member(name)
        waiting = ("accepted", "parked")
        return any(
            one.status in waiting and self.member(one.member) is who
            for one in self.purchases.values()
        )

    def lot_of(self, key: str) -> PlainLot:
        """What a purchase earns when it is judged today."""
        purchase = self.purchases[key]
        first = max(purchase.day + WAITS, self.day)
        return PlainLot(purchase.points, first, first + LIVES, key)

    def releases(self, key: str) -> str:
        """`released`, or the code of the refusal."""
        member = self.member(self.purchases[key].member)
        for lot in member.lots:
            if lot.earn == key and lot.from_day > self.day:
                member.forgets_expired(self.day)
                lot.from_day = self.day
                return "released"
        return "nothing_pending"

    def captures(self, one: PlainSpending, points: int | None) -> str:
        """`captured`, or the code of the refusal; None: all of it."""
        taken = one.points if points is None else points
        if not one.is_held(self.day):
            return "wrong_state"
        if taken > one.points:
            return "too_many_points"
        self.member(one.member).frees(one, one.points - taken, self.day)
        one.status, one.spent = "captured", taken
        return "captured"

    def sets_free(self, one: PlainSpending) -> str:
        """`released`, or the code of the refusal."""
        if not one.is_held(self.day):
            return "wrong_state"
        self.member(one.member).frees(one, one.points, self.day)
        one.status = "released"
        return "released"

    def cancels(self, one: PlainSpending, points: int | None) -> str:
        """`cancelled` or `partly_cancelled`, or the code of the refusal; None: all that is left."""
        member = self.member(one.member)
        if not one.spent:
            return "wrong_state"
        back = one.spent if points is None else points
        if back > one.spent:
            return "too_many_points"
        there = member.available(self.day) + member.pending(self.day) + member.held
        if there + back > MAX_POINTS:
            return "account_full"
        member.gets_back(one, back, self.day)
        one.spent -= back
        one.status = "partly_cancelled" if one.spent else "cancelled"
        return one.status

    def settles(self) -> None:
        """What is open is judged, in the order in which it came, unless the program is paused."""
        won = []
        for key, purchase in self.purchases.items():
            if purchase.status == "accepted" and not self.paused:
                member = self.member(purchase.member)
                if member.status != "active":
                    purchase.status = "parked"
                elif member.takes(self.lot_of(key)):
                    purchase.status = "awarded"
                    if not purchase.points and member.visit_pays():
                        won.append(
                            PlainPurchase(purchase.member, BONUS, purchase.day, posted=False)
                        )
                else:
                    purchase.status = "rejected"
        if won:
            self.purchases |= {f"won {len(self.purchases) + n}": one for n, one in enumerate(won)}
            self.settles()

    def goes_on(self, name: str) -> None:
        """What was parked for a member is open again."""
        for purchase in self.purchases.values():
            if self.member(purchase.member) is self.member(name) and purchase.status == "parked":
                purchase.status = "accepted"
