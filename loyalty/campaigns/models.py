"""The tables of this room; the migration is the truth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    Numeric,
    SmallInteger,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.db import Base

_instant = DateTime(timezone=True)


def _of_program() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "program_id"], ["program.tenant_id", "program.id"])


def _of_member(column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", column], ["member.tenant_id", "member.id"])


class GoalRow(Base):
    """What counts and how much of it is wanted; it never changes."""

    __tablename__ = "goal"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    program_id: Mapped[int]
    key: Mapped[str]
    name: Mapped[str]
    rule: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(_instant)
    __table_args__ = (_of_program(),)


class CampaignRow(Base):
    """Goals and what they pay; without `starts_at` or `ends_at` the window is open on that side."""

    __tablename__ = "campaign"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    program_id: Mapped[int]
    key: Mapped[str]
    name: Mapped[str]
    status: Mapped[str]
    starts_at: Mapped[datetime | None] = mapped_column(_instant)
    ends_at: Mapped[datetime | None] = mapped_column(_instant)
    goals_needed: Mapped[int] = mapped_column(SmallInteger)
    times: Mapped[int]
    rewards: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(_instant)
    published_at: Mapped[datetime | None] = mapped_column(_instant)
    __table_args__ = (_of_program(),)


class CampaignGoalRow(Base):
    """Which goals a campaign has, in which order."""

    __tablename__ = "campaign_goal"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    goal_id: Mapped[int]
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "campaign_id"], ["campaign.tenant_id", "campaign.id"]),
        ForeignKeyConstraint(["tenant_id", "goal_id"], ["goal.tenant_id", "goal.id"]),
    )


class ProgressRow(Base):
    """How far a member is: the sum of the steps for each goal, and how often completed."""

    __tablename__ = "campaign_progress"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    counted: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric))
    completed: Mapped[int]


class StepRow(Base):
    """What an activity, or a return of it, added; append-only."""

    __tablename__ = "campaign_step"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    activity_id: Mapped[UUID] = mapped_column(primary_key=True)
    cause_id: Mapped[UUID] = mapped_column(primary_key=True)
    counted: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric))


class CompletionRow(Base):
    """A member has completed a campaign for the `n`th time; append-only."""

    __tablename__ = "campaign_completion"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True)
    cause_id: Mapped[UUID]
    occurred_at: Mapped[datetime] = mapped_column(_instant)
    completed_at: Mapped[datetime] = mapped_column(_instant)


class BoostRow(Base):
    """A multiplier of one member's own, for a time; append-only."""

    __tablename__ = "boost"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    program_id: Mapped[int]
    factor: Mapped[Decimal] = mapped_column(Numeric(7, 4))
    starts_at: Mapped[datetime] = mapped_column(_instant)
    ends_at: Mapped[datetime] = mapped_column(_instant)


class GiftRow(Base):
    """A reward of the catalogue that was won; `id` is the redemption that it becomes."""

    __tablename__ = "campaign_gift"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    account_id: Mapped[int] = mapped_column(BigInteger)
    campaign_id: Mapped[int]
    n: Mapped[int]
    position: Mapped[int] = mapped_column(SmallInteger)
    reward: Mapped[str]
    won_at: Mapped[datetime] = mapped_column(_instant)
    try_at: Mapped[datetime] = mapped_column(_instant)
    why_not: Mapped[str | None]
    given_at: Mapped[datetime | None] = mapped_column(_instant)


class ReferralRuleRow(Base):
    """What a program gives for bringing somebody."""

    __tablename__ = "referral_rule"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    active: Mapped[bool]
    referrer_points: Mapped[int] = mapped_column(BigInteger)
    referred_points: Mapped[int] = mapped_column(BigInteger)
    least_amount: Mapped[Decimal] = mapped_column(Numeric(19, 4))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    __table_args__ = (_of_program(),)


class ReferralCodeRow(Base):
    """The code that a member gives to friends."""

    __tablename__ = "referral_code"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(_instant)
    __table_args__ = (_of_program(), _of_member("member_id"))


class ReferralRow(Base):
    """Who brought whom; open until the referred has bought."""

    __tablename__ = "referral"
    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    referrer_id: Mapped[int] = mapped_column(BigInteger)
    referred_id: Mapped[int] = mapped_column(BigInteger)
    referrer_points: Mapped[int] = mapped_column(BigInteger)
    referred_points: Mapped[int] = mapped_column(BigInteger)
    least_amount: Mapped[Decimal] = mapped_column(Numeric(19, 4))
    created_at: Mapped[datetime] = mapped_column(_instant)
    completed_at: Mapped[datetime | None] = mapped_column(_instant)
    activity_id: Mapped[UUID | None]
    __table_args__ = (_of_member("referrer_id"), _of_member("referred_id"))
