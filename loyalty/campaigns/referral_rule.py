"""What a program gives to members who bring members."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.campaigns.models import ReferralRuleRow
from loyalty.programs.queries import Program


@dataclass(frozen=True, slots=True)
class ReferralRule:
    """Points for both once the referred has bought for `least_amount` or more, in the program's
    currency. `active`: whether codes can be used; who was referred before still earns it.
    """

    active: bool = False
    referrer_points: int = 0
    referred_points: int = 0
    least_amount: Decimal = Decimal(0)
    version: int = 0


def referral_rule(session: Session, program_id: int, *, lock: bool = False) -> ReferralRule:
    """The program's rule; where nobody has set one, nothing is given."""
    query = select(ReferralRuleRow).where(
        ReferralRuleRow.tenant_id == session.info["tenant_id"],
        ReferralRuleRow.program_id == program_id,
    )
    fresh = query.execution_options(populate_existing=True)
    row = session.scalars(fresh.with_for_update() if lock else fresh).one_or_none()
    if row is None:
        return ReferralRule()
    return ReferralRule(
        row.active, row.referrer_points, row.referred_points, row.least_amount, row.version
    )


def set_referral_rule(
    session: Session,
    program: Program,
    wanted: ReferralRule,
    *,
    by: By,
) -> ReferralRule:
    """Replaces the rule; referrals that are under way keep what was promised to them."""
    before = referral_rule(session, program.id, lock=True)
    values = {
        "active": wanted.active,
        "referrer_points": wanted.referrer_points,
        "referred_points": wanted.referred_points,
        "least_amount": wanted.least_amount,
    }
    session.execute(
        insert(ReferralRuleRow)
        .values(tenant_id=session.info["tenant_id"], program_id=program.id, **values)
        .on_conflict_do_update(
            index_elements=["tenant_id", "program_id"],
            set_={**values, "version": ReferralRuleRow.version + 1},
        )
    )
    after = referral_rule(session, program.id)
    record(
        session,
        by,
        act="referrals.change",
        subject=f"program {program.slug}",
        before=_told(before),
        after=_told(after),
    )
    return after


def _told(rule: ReferralRule) -> dict[str, object]:
    return {
        "active": rule.active,
        "referrer_points": rule.referrer_points,
        "referred_points": rule.referred_points,
        "least_amount": f"{rule.least_amount.normalize():f}",
    }
