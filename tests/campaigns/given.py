"""Goals, campaigns and what members do for them, for tests that call the verbs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.define import NewGoal, define_goal
from loyalty.campaigns.draft import Draft, draft_campaign
from loyalty.campaigns.find import ToldCampaign, campaign_by_key
from loyalty.campaigns.publish import end_campaign
from loyalty.campaigns.standing import CampaignStanding, campaigns_of_account
from loyalty.earning.award import award_activities
from loyalty.earning.open_campaign import open_campaign
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from tests.earning.given import bought, open_ids, stored
from tests.opened import AT

COFFEES = {"kind": "buy", "when": {"sku": ["coffee"]}, "quantity": "10"}
HUNDRED = {"kind": "points", "points": 100}


def goal(session: Session, program: Program, key: str, rule: dict[str, Any]) -> None:
    """A goal of this key and rule."""
    order = NewGoal(key, key.title(), rule)
    define_goal(session, program, order, by=By("test", None, AT))


def draft(session: Session, program: Program, key: str = "coffee", **more: Any) -> ToldCampaign:
    """A draft of the goal "coffee", which pays 100 points, unless `more` says otherwise."""
    values: dict[str, Any] = {"goals": ["coffee"], "rewards": [HUNDRED], **more}
    order = Draft(key, key.title(), **values)
    return draft_campaign(session, program, order, by=By("test", None, AT))


def publish(session: Session, program: Program, key: str = "coffee") -> ToldCampaign:
    """Publishes the draft."""
    present = campaign_by_key(session, program, key, lock=True)
    return open_campaign(session, program, present, by=By("test", None, AT))


def end(session: Session, program: Program, key: str = "coffee", at: datetime = AT) -> ToldCampaign:
    """Ends the campaign."""
    present = campaign_by_key(session, program, key, lock=True)
    return end_campaign(session, program, present, by=By("test", None, at))


def running(
    session: Session, program: Program, rule: dict[str, Any] | None = None, **more: Any
) -> ToldCampaign:
    """A published campaign "coffee" for a goal of this rule (ten coffees)."""
    goal(session, program, "coffee", rule or COFFEES)
    draft(session, program, **more)
    return publish(session, program)


def accepted(
    session: Session,
    program: Program,
    *pieces: int,
    member_id: str = "ann",
    occurred_at: datetime = AT,
) -> list[UUID]:
    """Purchases of so many coffees each, for 1 USD a piece; open."""
    lines = [
        {"line_id": "1", "sku": "coffee", "quantity": str(count), "amount": str(count)}
        for count in pieces
    ]
    earns = [
        bought(line["amount"], member_id, occurred_at=occurred_at, body={"items": [line]})
        for line in lines
    ]
    return stored(session, program, *earns)


def coffees(session: Session, program: Program, *pieces: int, **more: Any) -> list[UUID]:
    """Such purchases, judged in one batch."""
    ids = accepted(session, program, *pieces, **more)
    award_activities(session, ids, AT, top_up=False)
    return ids


def settle_all(session: Session) -> None:
    """Judges what is open, bonuses too, until nothing is."""
    while ids := open_ids(session):
        award_activities(session, ids, AT)


def standing(
    session: Session, program: Program, key: str = "coffee", member_id: str = "ann"
) -> CampaignStanding:
    """How the member stands in a campaign."""
    account = membership_of(session, program.id, member_id).account_id
    found = campaigns_of_account(session, program.id, account, before=None, limit=200, at=AT)
    [one] = [one for one in found if one.key == key]
    return one


def counted(
    session: Session, program: Program, key: str = "coffee", member_id: str = "ann"
) -> tuple[str, int, list[int]]:
    """Status, how often completed, and what counts for each goal."""
    one = standing(session, program, key, member_id)
    return one.status, one.completed, [int(goal.counted) for goal in one.goals]


def events(session: Session, kind: str) -> Sequence[tuple[str, dict[str, Any]]]:
    """Subject and data of the events of a type, in order."""
    rows = session.execute(
        text("SELECT subject, data FROM event WHERE type = :type ORDER BY seq"), {"type": kind}
    )
    return [(row.subject, row.data) for row in rows]
