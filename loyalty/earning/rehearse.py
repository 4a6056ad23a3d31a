"""A draft is tried on real purchases: what would have come out differently, had it been in force.

Each award of the time is evaluated again from what it stored (see replay), with the draft in the
place of the versions of its promotion. What the draft asks for and the award did not store is
read as it is now. The draft's limits count from nothing when the time begins; of others, each
award says what they had left. Reads only.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase
from loyalty.earning import bonus
from loyalty.earning.facts import Facts, Past, open_facts
from loyalty.earning.replay import Used, left_in, named_in
from loyalty.earning.rules import purchase_of
from loyalty.earning.seen import member_from_json, place_from_json
from loyalty.programs.queries import Program
from loyalty.promotions.desk import Promotion
from loyalty.promotions.draft import NoDraft
from loyalty.promotions.limits import Counters, Occasion
from loyalty.promotions.queries import versions_of
from loyalty.promotions.rule import Version
from loyalty.promotions.rules import Decision, evaluate
from loyalty.promotions.rules_form import read_rule

PAGE = 1000
MOST_SHOWN = 100

# See promotions.report: a sandbox's clock is ahead of its ids.
_WINDOW = """
    w.tenant_id = :tenant AND w.program_id = :program
    AND w.activity_id >= least_id(CAST(:since AS timestamptz) - interval '1 minute'
                                  - (SELECT clock_offset FROM tenant WHERE id = :tenant))
    AND w.activity_id < least_id(CAST(:until AS timestamptz) + interval '1 minute')
"""
_FIRST = text(
    f"SELECT w.activity_id FROM award w WHERE {_WINDOW}"  # noqa: S608 - constants
    " ORDER BY w.activity_id DESC OFFSET :most LIMIT 1"
)
_PAGE = text(
    f"""
    SELECT w.activity_id, w.account_id, w.points, w.explanation, a.kind, a.source,
           a.transaction_id, a.occurred_at, a.amount, a.currency, a.retailer, a.body,
           (SELECT ms.id FROM membership ms WHERE ms.tenant_id = w.tenant_id
              AND ms.account_id = w.account_id ORDER BY ms.id LIMIT 1) AS membership_id
    FROM award w JOIN activity a ON a.tenant_id = w.tenant_id AND a.id = w.activity_id
    WHERE {_WINDOW} AND w.activity_id > :after
      AND a.recorded_at >= :since AND a.recorded_at < :until AND a.kind <> :bonus
    ORDER BY w.activity_id LIMIT :limit
    """  # noqa: S608 - constants
)
_PAST = text(
    "SELECT w.account_id, bool_or(a.kind = 'purchase') AS purchased,"
    " max(a.occurred_at) AS last_at"
    " FROM award w JOIN activity a ON a.tenant_id = w.tenant_id AND a.id = w.activity_id"
    " WHERE w.tenant_id = :tenant AND w.account_id = ANY(:accounts) AND w.activity_id <= :before"
    "   AND a.kind <> :bonus GROUP BY w.account_id"
)
_BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Difference:
    """A purchase that would have earned `after` instead of `before`; `because` by promotion."""

    activity_id: UUID
    source: str
    transaction_id: str
    occurred_at: datetime
    before: int
    after: int
    because: Mapping[int, int]


@dataclass(slots=True)
class Rehearsal:
    """What has been looked at so far. `shown` are the largest differences, the first largest.

    `complete`: nothing of the time was left out at its beginning.
    """

    complete: bool = True
    purchases: int = 0
    differ: int = 0
    before: int = 0
    after: int = 0
    accounts: set[int] = field(default_factory=set)  # whose points would differ
    _largest: list[tuple[int, int, Difference]] = field(default_factory=list)

    @property
    def shown(self) -> list[Difference]:
        """At most 100."""
        return [one for _, _, one in sorted(self._largest, reverse=True)]

    def add(self, award: Row[Any], decision: Decision) -> None:
        """One more purchase was looked at."""
        self.purchases += 1
        self.before += award.points
        self.after += decision.points
        if decision.points == award.points:
            return
        self.differ += 1
        self.accounts.add(award.account_id)
        difference = Difference(
            award.activity_id,
            award.source,
            award.transaction_id,
            award.occurred_at,
            award.points,
            decision.points,
            {share.promotion_id: share.points for share in decision.shares if share.points},
        )
        entry = (abs(decision.points - award.points), -self.differ, difference)
        if len(self._largest) < MOST_SHOWN:
            heapq.heappush(self._largest, entry)
        else:
            heapq.heappushpop(self._largest, entry)


def rehearse(
    session: Session,
    program: Program,
    promotion: Promotion,
    since: datetime,
    until: datetime,
    *,
    most: int | None = None,
) -> Iterator[Rehearsal]:
    """The draft on what was recorded in [since, until), or on the newest `most` awards of it.

    Yields the one Rehearsal again and again as it grows, page by page. Raises NoDraft.
    """
    if promotion.draft is None:
        raise NoDraft(f"No version of {promotion.key!r} is a draft.")
    rule = read_rule(promotion.draft.rule)
    stage = _Stage(Version(promotion.id, promotion.draft.number, rule), ZoneInfo(program.time_zone))
    window: dict[str, Any] = {
        "tenant": session.info["tenant_id"],
        "program": program.id,
        "since": since,
        "until": until,
        "bonus": bonus.KIND,
    }
    after = _BEFORE_ALL
    told = Rehearsal()
    if most is not None:
        first = session.execute(_FIRST, {**window, "most": most}).scalar_one_or_none()
        after, told.complete = first or after, first is None
    while page := session.execute(_PAGE, {**window, "after": after, "limit": PAGE}).all():
        stage.enter(session, page, until, after=after)
        for award in page:
            told.add(award, stage.play(award))
        after = page[-1].activity_id
        yield told
    yield told


@dataclass(slots=True)
class _Stage:
    """The draft, and what is known while purchase after purchase is tried."""

    draft: Version
    zone: ZoneInfo
    counters: Counters = field(default_factory=Counters)
    past: dict[int, Past] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    used: Used = field(default_factory=dict)

    def enter(
        self, session: Session, page: Sequence[Row[Any]], at: datetime, *, after: UUID
    ) -> None:
        """Reads what a page needs."""
        self.used = versions_of(
            session, {one for row in page for one, _ in named_in(row.explanation)}
        )
        asks = self.draft.rule.asks
        whose = {row.membership_id: row.account_id for row in page if row.membership_id}
        facts = open_facts(session, page, whose, asks, at)
        if asks:
            self._read_past(session, {row.account_id for row in page} - self.past.keys(), after)
        facts.past = self.past
        self.facts = facts

    def _read_past(self, session: Session, accounts: set[int], before: UUID) -> None:
        rows = session.execute(
            _PAST,
            {
                "tenant": session.info["tenant_id"],
                "accounts": sorted(accounts),
                "before": before,
                "bonus": bonus.KIND,
            },
        )
        self.past |= {row.account_id: Past(row.purchased, row.last_at) for row in rows}

    def play(self, award: Row[Any]) -> Decision:
        """What the purchase would have earned."""
        others = [
            replace(self.used[one][1], starts_at=None, ends_at=None)
            for one in named_in(award.explanation)
            if one[0] != self.draft.promotion_id
        ]
        known = frozenset[Ask]().union(*(one.rule.asks for one in others))
        purchase, member = self._seen(award, self.draft.rule.asks - known)
        day = award.occurred_at.astimezone(self.zone).date()
        occasion = Occasion.on(self.draft, award.account_id, day)
        left = left_in(award.explanation, others)
        left[self.draft.promotion_id] = self.counters.allowance(occasion)
        decision = evaluate(purchase, [*others, self.draft], member, left)
        for share in decision.shares:
            if share.promotion_id == self.draft.promotion_id and share.points:
                self.counters.count(occasion, share.points)
        self.facts.goes_on(award.account_id, purchase)
        return decision

    def _seen(self, award: Row[Any], new: frozenset[Ask]) -> tuple[Purchase, MemberFacts]:
        """Purchase and member as the award stored them, and what is `new` as it is now."""
        told = award.explanation
        plain = purchase_of(
            award.kind,
            award.occurred_at,
            award.amount,
            award.currency,
            award.body,
            award.retailer,
            self.zone,
        )
        purchase = place_from_json(plain, told.get("place") or {})
        member = member_from_json(told["member"])
        if not new:
            return purchase, member
        now = self.facts.purchase(award, self.zone)
        member_now = self.facts.member(
            member, award.membership_id or 0, award.account_id, now, self.zone
        )
        return _with_place(purchase, now, new), _with_member(member, member_now, new)


def _with_place(stored: Purchase, now: Purchase, new: frozenset[Ask]) -> Purchase:
    return stored._replace(
        region=now.region if (Fact.REGION, "") in new else stored.region,
        time_zone=now.time_zone if (Fact.TIME_ZONE, "") in new else stored.time_zone,
        lines=tuple(
            _with_goods(one, other, new) for one, other in zip(stored.lines, now.lines, strict=True)
        ),
    )


def _with_goods(stored: Line, now: Line, new: frozenset[Ask]) -> Line:
    return stored._replace(
        brand=now.brand if (Fact.BRAND, now.brand) in new else stored.brand,
        categories=stored.categories | _named(now.categories, Fact.CATEGORY, new),
    )


def _with_member(stored: MemberFacts, now: MemberFacts, new: frozenset[Ask]) -> MemberFacts:
    names = _named(frozenset(now.attributes), Fact.ATTRIBUTE, new)
    numbers = ("first_purchase", "inactive_days", "days_from_birthday", "days_from_joining")
    return stored._replace(
        attributes={**{name: now.attributes[name] for name in names}, **stored.attributes},
        segments=stored.segments | _named(now.segments, Fact.SEGMENT, new),
        boosts=stored.boosts | _named(now.boosts, Fact.BOOST, new),
        **{name: getattr(now, name) for name in numbers if getattr(stored, name) is None},
    )


def _named(values: frozenset[str], fact: Fact, new: frozenset[Ask]) -> frozenset[str]:
    return frozenset(value for value in values if (fact, value) in new)
