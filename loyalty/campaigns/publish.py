"""A campaign opens to its program's members, and ends."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.campaigns.draft import NotADraft, subject
from loyalty.campaigns.find import ToldCampaign, campaign_by_key
from loyalty.campaigns.models import CampaignRow
from loyalty.campaigns.queries import hold_conditions
from loyalty.conditions.form import refuse
from loyalty.errors import Conflict
from loyalty.programs.queries import Program

MOST_PUBLISHED = 100  # of one program: each award looks at them all


class TooManyCampaigns(Conflict):
    """409: a program has 100 published campaigns at most."""

    code = "too_many_campaigns"
    title = "The program has as many published campaigns as it can have"
    cure = "End one that is over."


class NotPublished(Conflict):
    """409: only what is published can end."""

    code = "not_published"
    title = "The campaign is not published"
    cure = "Drop a draft; what has ended stays as it is."


def publish_campaign(
    session: Session,
    program: Program,
    present: ToldCampaign,
    *,
    by: By,
) -> ToldCampaign:
    """What is judged from now on counts, if it occurred in the campaign's window.

    The program and the campaign were read with a lock. Raises NotADraft, TooManyCampaigns, and
    Invalid for a window that is over, or a goal that names a segment or tier that is gone.
    """
    if present.status != "draft":
        raise NotADraft(f"The campaign {present.key!r} is {present.status}.")
    if present.ends_at is not None and present.ends_at <= by.at:
        raise refuse("/ends_at", "in_the_past", "The window of the campaign is over.")
    published = session.scalar(
        select(func.count()).where(
            CampaignRow.tenant_id == session.info["tenant_id"],
            CampaignRow.program_id == program.id,
            CampaignRow.status == "published",
        )
    )
    if published is not None and published >= MOST_PUBLISHED:
        raise TooManyCampaigns(f"{published} campaigns are published.")
    hold_conditions(session, program, present.id)
    return _turn(
        session,
        program,
        present,
        {"status": "published", "published_at": by.at},
        "campaign.publish",
        by,
    )


def end_campaign(
    session: Session,
    program: Program,
    present: ToldCampaign,
    *,
    by: By,
) -> ToldCampaign:
    """Nothing that occurs from now on counts; what occurred before and comes late still does.

    The campaign was read with a lock. Raises NotPublished.
    """
    if present.status != "published":
        raise NotPublished(f"The campaign {present.key!r} is {present.status}.")
    ends_at = by.at if present.ends_at is None else min(by.at, present.ends_at)
    if present.starts_at is not None:
        ends_at = max(ends_at, present.starts_at)  # where it never began, nothing is within
    return _turn(
        session,
        program,
        present,
        {"status": "ended", "ends_at": ends_at},
        "campaign.end",
        by,
    )


def _turn(
    session: Session,
    program: Program,
    present: ToldCampaign,
    values: dict[str, object],
    act: str,
    by: By,
) -> ToldCampaign:
    session.execute(
        update(CampaignRow)
        .where(CampaignRow.tenant_id == session.info["tenant_id"], CampaignRow.id == present.id)
        .values(version=CampaignRow.version + 1, **values)
    )
    record(
        session,
        by,
        act=act,
        subject=subject(program, present),
        before={"status": present.status},
        after={"status": values["status"]},
    )
    return campaign_by_key(session, program, present.key)
