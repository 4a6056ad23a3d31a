"""Correct: a purchase is worked out again, and the difference to what it has earned is posted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, insert, text
from sqlalchemy.orm import Session

from loyalty.care.models import AdjustmentRow
from loyalty.care.re_evaluate.models import CorrectionRow, ReEvaluationRow
from loyalty.care.re_evaluate.rules import net, spread
from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.earning.accept import plain
from loyalty.earning.facts import Facts, open_facts
from loyalty.earning.give_back.purchase import (
    History,
    Judged,
    bought,
    history,
    judged,
    returned_again,
    shares_of,
)
from loyalty.earning.give_back.rules import GivenBack, Policy, TakenFrom
from loyalty.earning.give_back.take_back import Cause, take_back
from loyalty.earning.program_rules import ProgramRules, program_rules
from loyalty.earning.rules import Setback
from loyalty.earning.seen import member_from_json, place_from_json
from loyalty.earning.worth import Occasions, Worth, occasions_of, worth
from loyalty.ids import uuid7
from loyalty.ledger.account import Account, AccountFull
from loyalty.ledger.post import post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.members.standing import Standing, standings
from loyalty.promotions.limits import Counters, Occasion, open_counters, write_counters
from loyalty.promotions.queries import published_versions, versions_of
from loyalty.promotions.rule import Version
from loyalty.promotions.rulebook import Rulebook
from loyalty.tiers.climb import Climb, climb


@dataclass(frozen=True, slots=True)
class Corrected:
    """A purchase that is worth something else: by how many points; `skipped`: it was let be."""

    difference: int
    skipped: bool = False


@dataclass(slots=True)
class Desk:
    """What the purchases of a batch are worked out with; the accounts are locked."""

    run: ReEvaluationRow
    program: ProgramRules
    policy: Policy
    rules: Rulebook
    facts: Facts
    members: Mapping[int, Standing]  # by account
    heirs: Mapping[int, int]  # of accounts that were merged
    counters: Counters
    climb: Climb

    def stands_on(self, row: Row[Any]) -> int:
        """The account that gives and takes: the one that earned, or its heir."""
        return self.heirs.get(row.account_id, row.account_id)

    def close(self, session: Session) -> None:
        """Writes what was counted against limits, and who has risen."""
        write_counters(session, self.counters)
        self.climb.write(session)


_MEMBERS = text(
    "SELECT id FROM membership WHERE tenant_id = :tenant AND account_id = ANY(:accounts)"
    " AND status <> 'merged'"
)
_POLICY = text(
    "SELECT coalesce(settings->>'give_back', 'owed') FROM program"
    " WHERE tenant_id = :tenant AND id = :program"
)


def open_desk(
    session: Session,
    run: ReEvaluationRow,
    rows: Sequence[Row[Any]],
    accounts: Iterable[Account],
    heirs: Mapping[int, int],
    at: datetime,
) -> Desk:
    """Reads what the batch needs, and locks the budgets that it may change."""
    tenant, program_id = session.info["tenant_id"], run.program_id
    program = program_rules(session, [program_id])[program_id]
    versions = _versions(session, run)
    locked = {account.id: account for account in accounts}
    values = {"tenant": tenant, "accounts": sorted(locked)}
    standing = standings(session, session.execute(_MEMBERS, values).scalars()).values()
    members = {one.account_id: one for one in standing}
    asks = frozenset[Any]().union(*(one.rule.asks for one in versions))
    whose = {one.membership_id: one.account_id for one in standing}
    facts = open_facts(session, rows, whose, asks, at, catalogue=True)
    occasions = [
        Occasion.on(
            version,
            heirs.get(row.account_id, row.account_id),
            row.occurred_at.astimezone(program.zone).date(),
        )
        for row in rows
        for version in versions
        if version.rule.limits
    ]
    policy = session.execute(_POLICY, {"tenant": tenant, "program": program_id}).scalar_one()
    return Desk(
        run,
        program,
        Policy(policy),
        Rulebook(versions),
        facts,
        members,
        heirs,
        open_counters(session, occasions),
        climb(session, {program_id: program.ladder}, standing, locked, at, at),
    )


def _versions(session: Session, run: ReEvaluationRow) -> list[Version]:
    """The rules that judge now: the one named, in force always, instead of its own others."""
    there = published_versions(session, [run.program_id])[run.program_id]
    if run.promotion_id is None or run.version is None:
        return there
    _, named = versions_of(session, [run.promotion_id])[run.promotion_id, run.version]
    others = [one for one in there if one.promotion_id != run.promotion_id]
    return [*others, replace(named, starts_at=None, ends_at=None)]


def correct(
    session: Session, desk: Desk, row: Row[Any], account: Account, at: datetime
) -> Corrected | None:
    """Works one purchase out again; None when it is worth what it earned."""
    purchase = judged(session, row.id)
    so_far = history(session, row.id, purchase)
    again = _worth(desk, row, purchase, so_far, at)
    explanation = orjson.loads(orjson.dumps(again.explanation, default=plain))
    _, earned = shares_of(again.points, explanation)
    goods = bought(row.amount, (row.body or {}).get("items"))
    returns = returned_again(goods, earned, so_far.returns)
    before = net(purchase.points, [one.gave for one in so_far.returns])
    difference = net(again.points, returns).kept - before.kept
    if not difference:
        return None
    member = desk.members.get(account.id)
    if difference > 0 and (member is None or member.status == "cancelled"):
        return Corrected(difference, skipped=True)
    _count_uses(desk, purchase, so_far, again, row)
    corrected = uuid7()
    decided_on = account.version
    try:
        taken = _move(session, desk, account, purchase, so_far, again, difference, corrected, at)
    except AccountFull:
        return Corrected(difference, skipped=True)
    entries = account.version - decided_on
    post(session, [account], at)
    if difference > 0 and member is not None:
        desk.climb.gain(member, at, points=difference)
    moved = difference if difference > 0 else -taken.moved
    _adjust(session, desk, account, corrected, moved, at)
    told = {"award": explanation, "returns": _told(so_far, returns), "from": taken.named()}
    session.execute(
        insert(CorrectionRow).values(
            tenant_id=session.info["tenant_id"],
            id=corrected,
            re_evaluation_id=desk.run.id,
            program_id=desk.run.program_id,
            activity_id=row.id,
            account_id=account.id,
            points=again.points,
            difference=difference,
            moved=moved,
            account_version=decided_on,
            entries=entries,
            corrected_at=at,
            explanation=told,
        )
    )
    return Corrected(difference)


def _worth(desk: Desk, row: Row[Any], purchase: Judged, so_far: History, at: datetime) -> Worth:
    """What it would have earned, as the member was then; of limits, what it used is free again."""
    seen = purchase.explanation
    as_told = desk.facts.purchase(row, desk.program.zone)
    if "place" in seen:
        region = seen["place"].get("region", as_told.region)
        as_told = place_from_json(as_told, seen["place"])._replace(region=region)
    counters = Counters(dict(desk.counters.used), dict(desk.counters.added))
    _free(counters, desk, purchase, so_far, row)
    member = _member(desk, row, as_told, member_from_json(seen["member"]))
    in_force = desk.rules.at(row.occurred_at)
    found = worth(as_told, member, in_force, _occasions(desk, row), desk.program, counters, at)
    if isinstance(found, Setback):  # it was awarded, and is: it would have been worth nothing
        return Worth(0, (), {"given": [], "member": seen["member"]})
    return found


def _member(desk: Desk, row: Row[Any], purchase: Purchase, then: MemberFacts) -> MemberFacts:
    """As the award saw them; what it did not look at, as they are now, but for the past."""
    member = desk.members.get(desk.stands_on(row))
    if member is None:
        return then
    now = desk.facts.member(
        then, member.membership_id, member.account_id, purchase, desk.program.zone
    )
    return now._replace(
        attributes={**now.attributes, **then.attributes},
        segments=now.segments | then.segments,
        first_purchase=then.first_purchase,
        inactive_days=then.inactive_days,
    )


def _occasions(desk: Desk, row: Row[Any]) -> Occasions:
    in_force = desk.rules.at(row.occurred_at)
    return occasions_of(in_force, desk.stands_on(row), row.occurred_at, desk.program.zone)


def _free(counters: Counters, desk: Desk, purchase: Judged, so_far: History, row: Row[Any]) -> None:
    """What the purchase used of limits, less what its returns gave back, can be used again."""
    occasions = _occasions(desk, row)
    for index, (promotion, _) in enumerate(purchase.promotions):
        if promotion is not None and promotion in occasions:
            returned = sum(one.gave.points[index] for one in so_far.returns)
            points = purchase.earned[index].points - returned
            uses = 0 if so_far.before.whole else 1
            counters.add(occasions[promotion], -points, -uses)


def _count_uses(desk: Desk, purchase: Judged, so_far: History, again: Worth, row: Row[Any]) -> None:
    _free(desk.counters, desk, purchase, so_far, row)
    for occasion, points in again.uses:
        if not so_far.before.whole:
            desk.counters.add(occasion, points, 1)


def _move(
    session: Session,
    desk: Desk,
    account: Account,
    purchase: Judged,
    so_far: History,
    again: Worth,
    difference: int,
    cause_id: UUID,
    at: datetime,
) -> TakenFrom:
    """Points that lack come as lots of a fresh award, those too many go as in a return."""
    if difference > 0:
        account.expect_room(difference)
        parts = spread(difference, [points for _, points in again.lots])
        for (life, _), points in zip(again.lots, parts, strict=True):
            account.issue(
                Kind.ADJUST,
                Bucket.ADJUSTED,
                points,
                cause_id=cause_id,
                occurred_at=at,
                activates_at=life.activates_at,
                expires_at=life.expires_at,
                idle_days=life.idle_days,
                once_released=life.once_released,
                tier_points=points,
            )
        return TakenFrom()
    cause = Cause(Kind.ADJUST, Bucket.ADJUSTED, cause_id, at)
    return take_back(session, account, purchase, so_far, -difference, desk.policy, cause, at)


def _told(so_far: History, again: Sequence[GivenBack]) -> dict[str, list[int]]:
    """What each return would have given back, by promotion."""
    return {
        str(one.id): list(found.points) for one, found in zip(so_far.returns, again, strict=True)
    }


def _adjust(
    session: Session, desk: Desk, account: Account, adjustment: UUID, points: int, at: datetime
) -> None:
    """The adjustment that the entries belong to; none when nothing moved."""
    if not points:
        return
    session.execute(
        insert(AdjustmentRow).values(
            tenant_id=session.info["tenant_id"],
            id=adjustment,
            program_id=desk.run.program_id,
            account_id=account.id,
            points=points,
            reason=desk.run.reason,
            entry_version=account.version,
            actor=desk.run.actor,
            request_id=desk.run.request_id,
            occurred_at=at,
        )
    )
