"""What the rules of a batch ask for besides the purchases themselves: read in few statements.

Nothing is read for what no rule asks: with the earn rate alone a batch costs no statement here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.campaigns.boosts import Boost, boosts_of
from loyalty.catalogue.queries import NOTHING, facts_of
from loyalty.catalogue.rules import Catalogue
from loyalty.conditions.facts import Ask, Fact, Line, MemberFacts, Purchase, days_from
from loyalty.earning.rules import purchase_of
from loyalty.members.persons import NOBODY, Person, persons
from loyalty.segments.queries import segments_of

_OF_THE_CATALOGUE = {Fact.BRAND, Fact.CATEGORY, Fact.REGION, Fact.TIME_ZONE}
_OF_THE_PERSON = {Fact.ATTRIBUTE, Fact.BIRTHDAY}
_OF_THE_PAST = {Fact.FIRST_PURCHASE, Fact.INACTIVE}
_NO_ASKS: frozenset[Ask] = frozenset()

_PAST = text(
    "SELECT account_id, purchased, last_at"
    " FROM earning_history(:tenant, CAST(:accounts AS bigint[]), :latest)"
)


_INACTIVE: Ask = (Fact.INACTIVE, "")
_JOINING_DAY: Ask = (Fact.JOINING_DAY, "")


def _days_from_birthday(person: Person, at: datetime, zone: tzinfo) -> int | None:
    if person.birthday is None:
        return None
    own = ZoneInfo(person.time_zone) if person.time_zone else zone
    return days_from(person.birthday, at.astimezone(own).date())


class Past(NamedTuple):
    """Of an account: whether it was ever awarded a purchase, and when the latest occurred, if that
    is asked for."""

    purchased: bool = False
    last_at: datetime | None = None


_NO_PAST = Past()
_NONE: frozenset[str] = frozenset()


@dataclass(slots=True)
class Facts:
    """What was read for a batch. `past` goes on with each award of the batch."""

    asks: frozenset[Ask] = _NO_ASKS
    catalogue: Catalogue = NOTHING
    people: Mapping[int, Person] = field(default_factory=dict)  # by membership
    segments: Mapping[int, frozenset[str]] = field(default_factory=dict)  # by membership
    past: dict[int, Past] = field(default_factory=dict)  # by account
    boosts: dict[int, list[Boost]] = field(default_factory=dict)  # by account

    def purchase(self, row: Any, zone: tzinfo) -> Purchase:
        """A stored activity with what the catalogue knows of it; `zone` is the program's."""
        region = None
        retailer = self.catalogue.retailers.get(row.retailer)
        if retailer is not None:
            region = retailer.region
            zone = ZoneInfo(retailer.time_zone) if retailer.time_zone else zone
        told = purchase_of(
            row.kind,
            row.occurred_at,
            row.amount,
            row.currency,
            row.body,
            row.retailer,
            zone,
            region,
        )
        if not told.lines or not self.catalogue.products:
            return told
        return told._replace(lines=tuple(self._line(line) for line in told.lines))

    def _line(self, line: Line) -> Line:
        product = self.catalogue.products.get(line.sku or "")
        if product is None:
            return line
        categories = line.categories | set(product.categories)
        return line._replace(brand=line.brand or product.brand, categories=categories)

    def member(
        self,
        plain: MemberFacts,
        membership_id: int,
        account_id: int,
        purchase: Purchase,
        zone: tzinfo,
    ) -> MemberFacts:
        """The member as the rules may see them: `plain`, with what they ask for besides."""
        if not self.asks:
            return plain
        person = self.people.get(membership_id, NOBODY)
        past = self.past.get(account_id, _NO_PAST)
        boosts = self.boosts.get(account_id)
        at = purchase.occurred_at
        return MemberFacts(
            plain.joined_at,
            plain.tier,
            plain.tier_points,
            attributes=person.attributes,
            segments=self.segments.get(membership_id, _NONE),
            boosts=frozenset([one.key for one in boosts if one.covers(at)]) if boosts else _NONE,
            first_purchase=purchase.kind == "purchase" and not past.purchased,
            inactive_days=max(0, (at - (past.last_at or plain.joined_at)).days)
            if _INACTIVE in self.asks
            else None,
            days_from_birthday=_days_from_birthday(person, at, zone),
            days_from_joining=days_from(
                plain.joined_at.astimezone(zone).date(), at.astimezone(zone).date()
            )
            if _JOINING_DAY in self.asks
            else None,
        )

    def boosted(self, account_id: int, boosts: Sequence[Boost]) -> None:
        """A campaign was completed: what occurs after it is boosted, in this batch too."""
        if boosts:
            self.boosts.setdefault(account_id, []).extend(boosts)

    def goes_on(self, account_id: int, purchase: Purchase) -> None:
        """An activity was awarded: what comes after it in the batch comes after it."""
        if not self.asks:
            return
        before = self.past.get(account_id, _NO_PAST)
        latest = max(before.last_at or purchase.occurred_at, purchase.occurred_at)
        self.past[account_id] = Past(before.purchased or purchase.kind == "purchase", latest)


def open_facts(
    session: Session,
    activities: Sequence[Any],
    memberships: Mapping[int, int],
    asks: frozenset[Ask],
    at: datetime,
    *,
    catalogue: bool = False,
) -> Facts:
    """Reads what is asked for of `activities` (with `retailer` and `body`) and of `memberships`,
    whose accounts they name and which are locked. `catalogue`: it is needed in any case."""
    facts = Facts(asks)
    asked = {fact for fact, _ in asks}
    if catalogue or asked & _OF_THE_CATALOGUE:
        facts.catalogue = _catalogue(session, activities)
    if asked & _OF_THE_PERSON:
        facts.people = persons(session, memberships)
    if Fact.SEGMENT in asked:
        keys = {name for fact, name in asks if fact is Fact.SEGMENT}
        facts.segments = segments_of(session, memberships, at, keys=keys)
    if Fact.BOOST in asked:
        keys = {name for fact, name in asks if fact is Fact.BOOST}
        since = min(one.occurred_at for one in activities)
        facts.boosts = boosts_of(session, memberships.values(), keys, since)
    if asked & _OF_THE_PAST:
        facts.past = _past(session, set(memberships.values()), latest=_INACTIVE in asks)
    return facts


def _catalogue(session: Session, activities: Sequence[Any]) -> Catalogue:
    skus = {
        item.get("sku") for one in activities if one.body for item in one.body.get("items") or ()
    }
    return facts_of(session, {one.retailer for one in activities}, skus)


def _past(session: Session, account_ids: Collection[int], *, latest: bool) -> dict[int, Past]:
    accounts = sorted(account_ids)
    values = {"tenant": session.info["tenant_id"], "accounts": accounts, "latest": latest}
    rows = session.execute(_PAST, values)
    return {account: Past(purchased, last_at) for account, purchased, last_at in rows}
