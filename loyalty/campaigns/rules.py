"""How far a member is in a campaign: pure, and the same in whatever order things come.

A campaign is completed for the nth time once as many of its goals as it needs have been met n
times. Totals only are kept, so that nothing depends on the order; what is returned lowers them,
and what was completed stays completed: who returns what completed a round makes up for it before
the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import Condition

MOST_GOALS = 20
MOST_TIMES = 1000  # so that one purchase completes a campaign no more often than that
MOST_REWARDS = 10
_NOTHING = Decimal(0)
_ONCE = Decimal(1)


class GoalKind(StrEnum):
    """What a goal asks of a member."""

    BUY = "buy"
    VISIT = "visit"
    ACTIVITY = "activity"  # an event of the tenant's own kind
    TIER = "tier"
    REFERRAL = "referral"


class Measure(StrEnum):
    """What of a purchase is counted; all other goals count times."""

    AMOUNT = "amount"  # of money, in the goal's currency
    QUANTITY = "quantity"
    TIMES = "times"


@dataclass(frozen=True, slots=True)
class Goal:
    """`target` of `measure` is wanted. `at_once`: in one purchase, which then counts as one.

    `when` chooses the lines of a purchase, or holds for a visit or an event as a whole; None:
    any. `attributes` are those an event must have. `tier` is the key of a tier.
    """

    kind: GoalKind
    target: Decimal
    measure: Measure = Measure.TIMES
    at_once: bool = False
    when: Condition | None = None
    currency: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    tier: str = ""

    @property
    def wanted(self) -> Decimal:
        """What must be counted for it to be met once."""
        return _ONCE if self.at_once else self.target


class RewardKind(StrEnum):
    """What a campaign pays."""

    POINTS = "points"
    MULTIPLIER = "multiplier"
    REWARD = "reward"  # of the catalogue of rewards, a voucher too


@dataclass(frozen=True, slots=True)
class Reward:
    """`points`; or `factor` times the points for `days`; or the `reward` of that key."""

    kind: RewardKind
    points: int = 0
    factor: Decimal = _ONCE
    days: int = 0
    reward: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What occurs in [starts_at, ends_at) counts; None is open. `needed` of `goals` are enough."""

    id: int
    program_id: int
    key: str
    name: str
    goals: tuple[Goal, ...]
    needed: int
    times: int
    rewards: tuple[Reward, ...]
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def counts_at(self, occurred_at: datetime) -> bool:
        """Whether what occurred then counts."""
        return (self.starts_at is None or self.starts_at <= occurred_at) and (
            self.ends_at is None or occurred_at < self.ends_at
        )


@dataclass(frozen=True, slots=True)
class Happening:
    """Something a member did, and what came of it, as goals see it.

    `reached` are the tiers that it raised the member to, all that were passed included;
    `referred` how many people the member has brought by it.
    """

    activity: Purchase
    member: MemberFacts
    reached: frozenset[str] = frozenset()
    referred: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """What was counted for each goal in all, and how often the campaign was completed."""

    counted: tuple[Decimal, ...]
    completed: int = 0


def counted(goal: Goal, happening: Happening) -> Decimal:
    """What the happening adds to the goal, ≥ 0."""
    activity = happening.activity
    if goal.kind is GoalKind.TIER:
        return _ONCE if goal.tier in happening.reached else _NOTHING
    if goal.kind is GoalKind.REFERRAL:
        return Decimal(happening.referred)
    if goal.kind is GoalKind.BUY:
        return _bought(goal, happening) if activity.kind == "purchase" else _NOTHING
    if activity.kind != ("visit" if goal.kind is GoalKind.VISIT else "event"):
        return _NOTHING
    has = all(activity.attributes.get(name) == value for name, value in goal.attributes.items())
    return _ONCE if has and _matches(goal, happening, None) else _NOTHING


def _bought(goal: Goal, happening: Happening) -> Decimal:
    purchase = happening.activity
    own_price = purchase.amount - purchase.tax - purchase.shipping
    lines = purchase.lines or (Line("", own_price),)  # a purchase that names none is one line
    matching = [line for line in lines if _matches(goal, happening, line)]
    if goal.measure is Measure.AMOUNT:
        # What points or vouchers paid is not spent.
        paid = purchase.amount - purchase.paid_otherwise
        spent = min(sum((line.amount for line in matching), _NOTHING), paid)
        found = spent if purchase.currency == goal.currency else _NOTHING
    elif goal.measure is Measure.QUANTITY:  # a discount is a line below zero, and no piece
        found = sum((line.quantity for line in matching if line.amount >= 0), _NOTHING)
    else:
        found = _ONCE if matching else _NOTHING
    if goal.at_once:
        return _ONCE if found >= goal.target else _NOTHING
    return max(found, _NOTHING)


def _matches(goal: Goal, happening: Happening, line: Line | None) -> bool:
    return goal.when is None or goal.when.holds(happening.activity, line, happening.member)


def advance(campaign: Campaign, progress: Progress, added: Sequence[Decimal]) -> Progress:
    """The progress after `added` for each goal (below zero: returned).

    Nothing counts any more for who has completed it as often as they can.
    """
    if progress.completed >= campaign.times:
        return progress
    totals = tuple(have + more for have, more in zip(progress.counted, added, strict=True))
    return Progress(totals, max(progress.completed, _rounds(campaign, totals)))


def _rounds(campaign: Campaign, totals: Sequence[Decimal]) -> int:
    """How often as many goals as needed were met; at most `times`."""
    met = sorted(
        (
            int(total // goal.wanted) if total > 0 else 0
            for goal, total in zip(campaign.goals, totals, strict=True)
        ),
        reverse=True,
    )
    return min(met[campaign.needed - 1], campaign.times)


def start(campaign: Campaign) -> Progress:
    """Where every member begins."""
    return Progress((_NOTHING,) * len(campaign.goals))


def in_this_round(campaign: Campaign, progress: Progress) -> tuple[Decimal, ...]:
    """For each goal what counts for the round that the member is in, 0 to what is wanted.

    Who has completed the campaign as often as they can sees the last round.
    """
    earlier = min(progress.completed, campaign.times - 1)
    return tuple(
        min(max(total - earlier * goal.wanted, _NOTHING), goal.wanted)
        for goal, total in zip(campaign.goals, progress.counted, strict=True)
    )
