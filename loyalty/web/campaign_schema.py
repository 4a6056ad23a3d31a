"""How goals and campaigns come in and are told."""

from __future__ import annotations

from loyalty.campaigns.form import MOST_ATTRIBUTES, MOST_DAYS, MOST_FACTOR
from loyalty.campaigns.rules import (
    MOST_GOALS,
    MOST_REWARDS,
    MOST_TIMES,
    GoalKind,
    RewardKind,
)
from loyalty.web.fields import (
    Attributes,
    Choice,
    Currency,
    Flag,
    Instant,
    Integer,
    ListOf,
    Money,
    Part,
    Points,
    Schema,
    Slug,
    Text,
)
from loyalty.web.fields.trees import Tree
from loyalty.web.lists import ListByNumber
from loyalty.web.program_schema import LEAST_MONEY

STATUSES = ("draft", "published", "ended")
STANDINGS = ("open", "in_progress", "completed", "over")


class NewGoalSchema(Schema):
    """What is wanted of a member. `buy`: an amount, a quantity or a number of purchases.

    `when` chooses the lines that count. `at_once`: all of it in one purchase.
    """

    key = Slug(required=True)
    name = Text(most=200, required=True)
    kind = Choice(list(GoalKind), required=True)
    when = Tree()
    amount = Money(least=LEAST_MONEY)
    currency = Currency(metadata={"description": "Of the amount; the program's if left out."})
    quantity = Money(least=LEAST_MONEY, metadata={"description": "Pieces, or kilograms."})
    times = Integer(least=1, most=MOST_TIMES)
    at_once = Flag()
    attributes = Attributes(
        metadata={"description": f"Which an event must have; at most {MOST_ATTRIBUTES}."}
    )
    tier = Slug()


class GoalSchema(NewGoalSchema):
    """A goal; it never changes, and may belong to several campaigns."""

    created_at = Instant(required=True)


class RewardSchema(Schema):
    """What is paid: `points`, a `multiplier` of points for days, or a `reward` of the catalogue."""

    kind = Choice(list(RewardKind), required=True)
    points = Points(least=1)
    factor = Money(metadata={"description": f"More than 1, at most {MOST_FACTOR}."})
    days = Integer(least=1, most=MOST_DAYS)
    reward = Slug()


class CampaignChangeSchema(Schema):
    """A merge patch. Of a published campaign only `name` and `ends_at` can change."""

    name = Text(most=200)
    goals = ListOf(Slug(), least=1, most=MOST_GOALS)
    goals_needed = Integer(
        least=1, most=MOST_GOALS, allow_none=True, metadata={"description": "null: all of them."}
    )
    times = Integer(
        least=1, most=MOST_TIMES, metadata={"description": "How often a member can complete it."}
    )
    rewards = ListOf(Part(RewardSchema), least=1, most=MOST_REWARDS)
    starts_at = Instant(allow_none=True)
    ends_at = Instant(allow_none=True)


class NewCampaignSchema(CampaignChangeSchema):
    """A campaign to be: keys of goals that, met, pay the rewards."""

    key = Slug(required=True)
    name = Text(most=200, required=True)
    goals = ListOf(Slug(), least=1, most=MOST_GOALS, required=True)
    goals_needed = Integer(
        least=1,
        most=MOST_GOALS,
        allow_none=True,
        load_default=None,
        metadata={"description": "null: all of them."},
    )
    times = Integer(
        least=1,
        most=MOST_TIMES,
        load_default=1,
        metadata={"description": "How often a member can complete it."},
    )
    rewards = ListOf(Part(RewardSchema), least=1, most=MOST_REWARDS, required=True)


class CampaignSchema(Schema):
    """A campaign. What occurs from `starts_at` until `ends_at` counts; null is open."""

    key = Slug(required=True)
    name = Text(required=True)
    status = Choice(STATUSES, required=True)
    goals = ListOf(Slug(), most=MOST_GOALS, required=True)
    goals_needed = Integer(required=True)
    times = Integer(required=True)
    rewards = ListOf(Part(RewardSchema), most=MOST_REWARDS, required=True)
    starts_at = Instant(required=True, allow_none=True)
    ends_at = Instant(required=True, allow_none=True)
    version = Integer(required=True)
    created_at = Instant(required=True)
    published_at = Instant(required=True, allow_none=True)


class CampaignListArgs(ListByNumber):
    """Filters of the list."""

    status = Choice(STATUSES)


class CampaignReportSchema(Schema):
    """What a campaign has come to; promised points are paid within seconds."""

    in_progress = Points(required=True)
    members_completed = Points(required=True)
    completions = Points(required=True)
    points_promised = Points(required=True)
    points_paid = Points(required=True)
    rewards_given = Points(required=True)
    rewards_waiting = Points(required=True)


class GoalStandingSchema(Schema):
    """How far a member is, in this round."""

    key = Slug(required=True)
    name = Text(required=True)
    kind = Choice(list(GoalKind), required=True)
    wanted = Money(required=True)
    counted = Money(required=True)
    met = Flag(required=True)


class CampaignStandingSchema(Schema):
    """A campaign as a member sees it."""

    key = Slug(required=True)
    name = Text(required=True)
    status = Choice(STANDINGS, required=True)
    starts_at = Instant(required=True, allow_none=True)
    ends_at = Instant(required=True, allow_none=True)
    goals = ListOf(Part(GoalStandingSchema), most=MOST_GOALS, required=True)
    goals_needed = Integer(required=True)
    completed = Integer(required=True)
    times = Integer(required=True)
    rewards = ListOf(Part(RewardSchema), most=MOST_REWARDS, required=True)
