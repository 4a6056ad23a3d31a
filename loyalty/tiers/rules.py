"""Which tier, until when: pure.

What counts is summed over the days of a window, in the program's time zone. A tier rises at once
and falls only at the end of its period, by the program's policy.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from loyalty.conditions.facts import Purchase
from loyalty.programs.settings import TierPolicy

Amount = int | Decimal  # points, or money in the program's currency
Days = Mapping[date, Amount]

INSTANT = timedelta(microseconds=1)  # a period's last one is so long before its end
_MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Tier:
    """A status level, reached from `threshold` tier-qualifying points (or money spent) on."""

    key: str
    name: str
    threshold: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """A program's tiers, the lowest first, and how they are gained and lost.

    `epoch` changes when days must be counted again.
    """

    tiers: tuple[Tier, ...]
    policy: TierPolicy
    zone: ZoneInfo
    currency: str
    epoch: int

    @property
    def first(self) -> Tier:
        """Where a member starts; nobody falls from it."""
        return self.tiers[0]

    def tier(self, key: str) -> Tier | None:
        """The tier of a key; None for one that was taken away this instant."""
        return next((tier for tier in self.tiers if tier.key == key), None)

    def threshold(self, key: str) -> int:
        """Where a tier begins; -1 for one that was taken away this instant."""
        tier = self.tier(key)
        return tier.threshold if tier else -1

    def day(self, at: datetime) -> date:
        """The day of an instant."""
        return at.astimezone(self.zone).date()


class Held(NamedTuple):
    """A tier that a member holds: not lost before `until`; None: for ever.

    `protected_until` somebody has promised it. `review_at` is when the review looks next.
    """

    key: str
    since: datetime
    until: datetime | None = None
    protected_until: datetime | None = None
    review_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What counted on each day, and the day of joining."""

    days: Days
    joined: date


@dataclass(frozen=True, slots=True)
class Keep:
    """What must be gained before `by` to keep the tier."""

    by: datetime
    missing: Amount


def qualifying_spend(ladder: Ladder, purchase: Purchase) -> Decimal:
    """What was paid with money, in the program's currency; other currencies have no rate here."""
    if purchase.kind != "purchase" or purchase.currency != ladder.currency:
        return Decimal(0)
    return purchase.amount - purchase.paid_otherwise


def reached(tiers: Sequence[Tier], figure: Amount) -> Tier:
    """The highest tier whose threshold is met. `tiers` hold one with threshold 0."""
    best: Tier | None = None
    for tier in tiers:
        if tier.threshold <= figure and (best is None or tier.threshold > best.threshold):
            best = tier
    if best is None:
        raise ValueError(f"no tier starts at {figure} or below")
    return best


def rise(tiers: Sequence[Tier], current_key: str, figure: Amount) -> Tier | None:
    """The tier to go up to at once, or None. A tier never falls here: only its period's end,
    or leaving, takes it away."""
    target = reached(tiers, figure)
    current = next((tier.threshold for tier in tiers if tier.key == current_key), -1)
    return target if target.threshold > current else None


def next_above(
    tiers: Sequence[Tier], current_key: str, figure: Amount
) -> tuple[Tier, Amount] | None:
    """The next tier above the current one and how much is missing, or None."""
    current = next((tier.threshold for tier in tiers if tier.key == current_key), -1)
    above = [tier for tier in tiers if tier.threshold > current]
    if not above:
        return None
    tier = min(above, key=lambda one: one.threshold)
    return tier, max(0, tier.threshold - figure)


def first_day(ladder: Ladder, joined: date, today: date) -> date:
    """The first of the days that count on `today`."""
    match ladder.policy.window:
        case "since_joining":
            return joined
        case "calendar_year":
            return date(today.year, 1, 1)
        case "rolling_12_months":
            return _after_a_year_ago(today)
        case "ever":
            return date.min


def _after_a_year_ago(today: date) -> date:
    """The first day whose year, as a tier's, ends after `today`: that of 29 February ends with
    the 28th, so that what raised a member then does not count for two years."""
    first = _months_later(today, -_MONTHS_A_YEAR) + timedelta(days=1)
    return first if _months_later(first, _MONTHS_A_YEAR) > today else first + timedelta(days=1)


def figure(ladder: Ladder, progress: Progress, today: date) -> Amount:
    """What counts on `today`: the sum over the window that ends with it."""
    first = first_day(ladder, progress.joined, today)
    return sum((amount for day, amount in progress.days.items() if first <= day <= today), 0)


def period_end(ladder: Ladder, start: datetime) -> datetime:
    """When a period that starts at `start` ends: an instant after it, at the same time of day or
    at midnight, in the program's zone."""
    period = ladder.policy.period
    local = start.astimezone(ladder.zone)
    if period.kind == "months":
        day = _months_later(local.date(), period.n)
        return datetime.combine(day, local.time(), ladder.zone).astimezone(start.tzinfo)
    years = 1 if period.kind == "end_of_year" else 2
    new_year = datetime.combine(date(local.year + years, 1, 1), time.min, ladder.zone)
    return new_year.astimezone(start.tzinfo)


@lru_cache(maxsize=1024)  # a batch asks for the same few days again and again
def _months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last day of that month."""
    year, before = divmod(day.year * _MONTHS_A_YEAR + day.month - 1 + months, _MONTHS_A_YEAR)
    return date(year, before + 1, min(day.day, monthrange(year, before + 1)[1]))


def settled(ladder: Ladder, held: Held, at: datetime) -> Held:
    """The tier with its period as the policy has it now: who can fall has an end, nobody else.

    A period that runs goes on; one that starts at `at` lasts no shorter than what was promised.
    """
    if ladder.policy.fall == "never" or held.key == ladder.first.key:
        return held._replace(until=None, review_at=None)
    until = held.until or period_end(ladder, at)
    if held.protected_until is not None:
        until = max(until, held.protected_until)
    return held._replace(until=until, review_at=_review_at(ladder, until, at))


def _review_at(ladder: Ladder, until: datetime, at: datetime) -> datetime:
    """First to warn, then to decide; one that is warned late is warned at once."""
    if not ladder.policy.warn_days:
        return until
    return min(until, max(at, until - timedelta(days=ladder.policy.warn_days)))


def reviewed(ladder: Ladder, held: Held, progress: Progress, at: datetime) -> Held:
    """The tier after all periods that have ended by `at`, each judged by its last day.

    Kept for another period if it is still reached, else lowered as the policy says; never raised.
    """
    while held.until is not None and held.until <= at:
        ended = held.until
        target = _after_period(ladder, held.key, figure(ladder, progress, _last_day(ladder, ended)))
        since = held.since if target.key == held.key else ended
        held = settled(ladder, Held(target.key, since), ended)
    return held


def _last_day(ladder: Ladder, ended: datetime) -> date:
    return ladder.day(ended - INSTANT)


def _after_period(ladder: Ladder, key: str, total: Amount) -> Tier:
    """The tier that follows a period in which `total` was counted: the same or a lower one."""
    current = ladder.threshold(key)
    held = [tier for tier in ladder.tiers if tier.threshold <= current] or [ladder.first]
    target = reached(held, total)
    if ladder.policy.fall == "never":
        return held[-1]
    if ladder.policy.fall == "one_down":
        return max(target, held[-2:][0], key=lambda tier: tier.threshold)
    return target


def raised(
    ladder: Ladder, held: Held, progress: Progress, occurred_at: datetime, at: datetime
) -> Held | None:
    """The tier to go up to at once, with a period of its own, or None.

    What comes late counts as if it had come when it occurred: the tier that it would have reached
    then, and all that has followed.
    """
    best = held
    for start in (at, min(occurred_at, at)):
        target = rise(ladder.tiers, best.key, figure(ladder, progress, ladder.day(start)))
        if target is None:
            continue
        fresh = settled(ladder, held._replace(key=target.key, until=None), start)
        fresh = reviewed(ladder, fresh, progress, at)
        if ladder.threshold(fresh.key) > ladder.threshold(best.key):
            best = fresh._replace(since=at)
    if best.key == held.key:
        return None
    if best.until is not None and held.until is not None:
        until = max(best.until, held.until)
        best = best._replace(until=until, review_at=_review_at(ladder, until, at))
    return best


def keep(ladder: Ladder, held: Held, progress: Progress) -> Keep | None:
    """What is missing to keep the tier when its period ends; None for one that cannot fall.

    Of what counts now, only what still counts on the last day of the period helps.
    """
    if held.until is None or ladder.policy.fall == "never":
        return None
    so_far = figure(ladder, progress, _last_day(ladder, held.until))
    return Keep(held.until, max(0, ladder.threshold(held.key) - so_far))
