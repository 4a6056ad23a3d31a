"""Award: open purchases become points, in sets, each exactly once.

The verb of the workers. Claim (row locks), load the rules, lock the accounts, read the members,
decide (pure), write in two statements. Doing it twice changes nothing: what is judged is no
longer open, and unique keys have the last word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.campaigns.progress import Counting, Happened
from loyalty.campaigns.queries import running
from loyalty.campaigns.rules import Campaign
from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.earning import bonus
from loyalty.earning.accept import plain
from loyalty.earning.claim import claim
from loyalty.earning.enrol_stranger import enrol_strangers
from loyalty.earning.facts import Facts, open_facts
from loyalty.earning.further import campaign_asks, further, happened
from loyalty.earning.give_back.sweep import wake_waiting
from loyalty.earning.program_rules import ProgramRules, program_rules
from loyalty.earning.rules import Setback, parked, stranger
from loyalty.earning.worth import (
    NO_OCCASIONS,
    Occasions,
    Worth,
    occasions_of,
    promised,
    unknown_goods,
    worth,
)
from loyalty.ledger.account import Account, AccountFull
from loyalty.ledger.post import lock_accounts, post
from loyalty.ledger.rules import Bucket, Kind
from loyalty.members.standing import Standing, standings
from loyalty.promotions.limits import Counters, Key, open_counters, write_counters
from loyalty.promotions.queries import published_versions
from loyalty.promotions.rule import Version
from loyalty.promotions.rulebook import Rulebook
from loyalty.promotions.rules import may_apply
from loyalty.tiers.climb import Climb, climb
from loyalty.tiers.rules import qualifying_spend


@dataclass(slots=True)
class Judged:
    """What one batch decided; `waits_s` are the times from recorded to awarded, in seconds;
    `left` are those whose accounts somebody else had locked."""

    awards: list[dict[str, Any]] = field(default_factory=list)
    setbacks: list[dict[str, Any]] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)  # what may complete a referral
    waits_s: list[float] = field(default_factory=list)
    left: list[UUID] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many purchases were judged."""
        return len(self.awards) + len(self.setbacks)


@dataclass(slots=True)
class Book:
    """What a batch decides with: rules read before the locks, accounts and members after."""

    programs: dict[int, ProgramRules]
    rules: dict[int, Rulebook]
    counting: Counting
    accounts: dict[int, Account]
    members: dict[int, Standing]
    climb: Climb
    facts: Facts
    at: datetime
    counters: Counters = field(default_factory=Counters)
    occasions: dict[UUID, Occasions] = field(default_factory=dict)  # by activity


def award_activities(
    session: Session,
    ids: Sequence[UUID],
    at: datetime,
    *,
    top_up: bool = True,
    wait: bool = True,
    lock_budgets: bool = False,
) -> Judged:
    """Judges the open purchases among `ids` (and others of the tenant up to 200 with `top_up`).

    Without `wait`, those of accounts that somebody else has locked are left for later, and their
    locks keep nobody waiting who wants the others. Raises BudgetOverdrawn, unless `lock_budgets`.
    """
    claimed = claim(session, ids, top_up=top_up)
    judged = Judged()
    if not claimed:
        return judged
    programs = program_rules(session, {row.program_id for row in claimed}, to_judge=True)
    if enrol_strangers(session, claimed, programs, at):
        claimed = claim(session, [row.id for row in claimed], top_up=False)
    published = published_versions(session, programs)
    rules = {one: Rulebook(published.get(one, ())) for one in programs}
    campaigns = _campaigns(session, programs, claimed)
    wanted = {row.account_id for row in claimed if row.account_id}
    accounts = lock_accounts(session, wanted, wait=wait)
    if len(accounts) < len(wanted):
        busy = wanted - accounts.keys()
        judged.left = [row.id for row in claimed if row.account_id in busy]
        claimed = [row for row in claimed if row.account_id not in busy]
        if not claimed:
            return judged
    book = _open_book(session, claimed, programs, rules, campaigns, accounts, at)
    _open_counters(session, claimed, book, lock_budgets=lock_budgets)
    for row in claimed:
        _judge(row, book, judged)
    post(session, book.accounts.values(), at)
    if settle(session, judged):
        wake_waiting(session, [row.id for row in claimed])
    book.climb.write(session)
    referring = {one for one, program in programs.items() if program.has_referrals}
    further(session, book.counting, referring, judged.happened, at)
    write_counters(session, book.counters)
    return judged


def _open_book(
    session: Session,
    claimed: Sequence[Row[Any]],
    programs: dict[int, ProgramRules],
    rules: dict[int, Rulebook],
    campaigns: dict[int, list[Campaign]],
    accounts: dict[int, Account],
    at: datetime,
) -> Book:
    """Reads what the locked accounts' members are and did, as far as the rules ask for it."""
    members = standings(session, {row.membership_id for row in claimed if row.membership_id})
    ladders = {one: program.ladder for one, program in programs.items()}
    earliest = min(row.occurred_at for row in claimed)
    climbing = climb(session, ladders, members.values(), accounts, earliest, at)
    asks = campaign_asks(campaigns).union(
        *{rules[row.program_id].at(row.occurred_at).asks for row in claimed}
    )
    catalogue = any(program.wants_catalogue for program in programs.values())
    whose = {member.membership_id: member.account_id for member in members.values()}
    facts = open_facts(session, claimed, whose, asks, at, catalogue=catalogue)
    counting = Counting(session, campaigns, accounts)
    return Book(programs, rules, counting, accounts, members, climbing, facts, at)


def _open_counters(
    session: Session, claimed: Sequence[Row[Any]], book: Book, *, lock_budgets: bool
) -> None:
    """Reads what is used of the limits that may count in this batch, and locks the budgets that
    are nearly used up (or all) and that a purchase of it may reach."""
    if not any(one.rule.limits for rules in book.rules.values() for one in rules.versions):
        return
    judged = list(_members_of(claimed, book))
    for row, member, zone in judged:
        in_force = book.rules[row.program_id].at(row.occurred_at)
        book.occasions[row.id] = occasions_of(in_force, member.account_id, row.occurred_at, zone)
    counters = book.counters = open_counters(
        session, (one for those in book.occasions.values() for one in those.values()), lock=False
    )
    must = set[Key]()
    for row, member, _ in judged:
        for occasion in book.occasions[row.id].values():
            if not occasion.budgets or must.issuperset(occasion.budgets):
                continue
            scarce = set(occasion.budgets) if lock_budgets else counters.scarce(occasion)
            if scarce - must and _may_reach(row, occasion.version, member, book):
                must |= scarce
    counters.lock(session, must)


def _members_of(
    claimed: Sequence[Row[Any]], book: Book
) -> Iterator[tuple[Row[Any], Standing, ZoneInfo]]:
    """What may be judged by promotions: whose it is, and the program's time zone."""
    for row in claimed:
        member = book.members.get(row.membership_id) if row.membership_id else None
        if member and member.account_id in book.accounts and row.kind != bonus.KIND:
            yield row, member, book.programs[row.program_id].zone


def _may_reach(row: Row[Any], version: Version, member: Standing, book: Book) -> bool:
    program = book.programs[row.program_id]
    purchase = book.facts.purchase(row, program.zone)
    account = book.accounts[member.account_id]
    return may_apply(purchase, version, _facts(member, account, purchase, program, book))


def _campaigns(
    session: Session, programs: dict[int, ProgramRules], claimed: Sequence[Row[Any]]
) -> dict[int, list[Campaign]]:
    """The campaigns that this batch may further; programs without any cost nothing."""
    having = [one for one, program in programs.items() if program.has_campaigns]
    return running(session, having, min(row.occurred_at for row in claimed)) if having else {}


def _judge(row: Row[Any], book: Book, judged: Judged) -> None:
    program = book.programs[row.program_id]
    member = book.members.get(row.membership_id) if row.membership_id else None
    setback: Setback | None
    if member is not None and member.status == "merged":
        return  # while we waited for the lock: stays open, and goes to the survivor
    if member is None or member.status == "cancelled":
        setback = stranger(  # who can join has joined: see enrol_strangers
            program.unknown_member, program.park_window_days, row.recorded_at, can_join=False
        )
    elif member.status == "suspended":
        setback = parked(
            "suspended",
            "Waits for the membership to be reinstated.",
            program.park_window_days,
            row.recorded_at,
        )
    elif member.account_id not in book.accounts:
        return  # the membership moved to another account meanwhile: stays open, the sweep returns
    else:
        setback = _earn(row, member, program, book, judged)
    if setback:
        judged.setbacks.append(_setback_row(row, setback, book.at))


def _earn(
    row: Row[Any], member: Standing, program: ProgramRules, book: Book, judged: Judged
) -> Setback | None:
    account = book.accounts[member.account_id]
    purchase = book.facts.purchase(row, program.zone)
    facts = _facts(member, account, purchase, program, book)
    earned = _worth(row, purchase, facts, account, program, book)
    if isinstance(earned, Setback):
        return earned
    decided_on = account.version
    try:
        entries = _issue(account, row, earned)
    except AccountFull as error:
        return Setback("rejected", error.code, error.detail)
    spend = qualifying_spend(program.ladder, purchase)
    risen = book.climb.gain(member, row.occurred_at, points=earned.points, spend=spend)
    book.facts.goes_on(account.id, purchase)
    for occasion, used in earned.uses:
        book.counters.count(occasion, used)
    if program.has_referrals or program.has_campaigns:
        one = happened(row, account.id, purchase, facts, program.tiers, risen)
        book.facts.boosted(account.id, book.counting.count(one))
        judged.happened.append(one)
    judged.waits_s.append((book.at - row.recorded_at).total_seconds())
    judged.awards.append(
        {
            "program_id": row.program_id,
            "activity_id": row.id,
            "account_id": account.id,
            "account_version": decided_on,
            "entries": entries,
            "points": earned.points,
            "awarded_at": book.at,
            "explanation": earned.explanation,
        }
    )
    return None


def _issue(account: Account, row: Row[Any], earned: Worth) -> int:
    """Each lot of its own; returns how many entries that made. Raises AccountFull where they do
    not all fit: then there is none of them."""
    if len(earned.lots) > 1:
        account.expect_room(earned.points)
    account.note_activity(row.occurred_at)
    entries = 0
    for life, points in earned.lots:
        entries += account.issue(
            Kind.AWARD,
            Bucket.ISSUED,
            points,
            cause_id=row.id,
            occurred_at=row.occurred_at,
            activates_at=life.activates_at,
            expires_at=life.expires_at,
            idle_days=life.idle_days,
            once_released=life.once_released,
            tier_points=points,
        )
    return entries


def _facts(
    member: Standing, account: Account, purchase: Purchase, program: ProgramRules, book: Book
) -> MemberFacts:
    now = MemberFacts(member.joined_at, book.climb.tier(member), account.tier_points)
    return book.facts.member(now, member.membership_id, account.id, purchase, program.zone)


def _worth(
    row: Row[Any],
    purchase: Purchase,
    facts: MemberFacts,
    account: Account,
    program: ProgramRules,
    book: Book,
) -> Worth | Setback:
    if row.kind == bonus.KIND:
        return promised(row, facts, program, book.at)
    refused = unknown_goods(row, program, book.facts.catalogue)
    if refused:
        return refused
    in_force = book.rules[row.program_id].at(row.occurred_at)
    occasions = book.occasions.get(row.id, NO_OCCASIONS)
    return worth(purchase, facts, in_force, occasions, program, book.counters, book.at)


def _setback_row(row: Row[Any], setback: Setback, at: datetime) -> dict[str, Any]:
    return {
        "program_id": row.program_id,
        "activity_id": row.id,
        "status": setback.status,
        "reason": setback.reason,
        "detail": setback.detail,
        "member_id": row.member_id,
        "identifier_kind": row.identifier_kind,
        "identifier_value": row.identifier_value,
        "at": at,
        "until": setback.until,
    }


_SETTLE = text("SELECT settle_activities(:tenant, CAST(:awards AS json), CAST(:setbacks AS json))")


def settle(session: Session, judged: Judged) -> bool:
    """Writes the verdicts; what is judged is no longer open. Whether any return waits for its
    purchase."""
    waiting = session.execute(
        _SETTLE,
        {
            "tenant": session.info["tenant_id"],
            "awards": orjson.dumps(judged.awards, default=plain).decode(),
            "setbacks": orjson.dumps(judged.setbacks, default=plain).decode(),
        },
    ).scalar_one()
    return bool(waiting)


_FAIL = text(
    "SELECT a.id, a.program_id, a.member_id, a.identifier_kind, a.identifier_value"
    " FROM unsettled u JOIN activity a ON a.tenant_id = u.tenant_id AND a.id = u.activity_id"
    " WHERE u.tenant_id = :tenant AND u.activity_id = :id FOR UPDATE OF u SKIP LOCKED"
)


def fail(session: Session, activity_id: UUID, reason: str, detail: str, at: datetime) -> bool:
    """Marks one open purchase as failed, with its error; it is kept, shown and can be retried."""
    row = session.execute(
        _FAIL, {"tenant": session.info["tenant_id"], "id": activity_id}
    ).one_or_none()
    if row is None:
        return False
    judged = Judged()
    judged.setbacks.append(_setback_row(row, Setback("failed", reason, detail), at))
    settle(session, judged)
    return True
