"""Lines are brought in: a batch in few statements, or each by itself where one of them fails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.bring_members import Brought, bring_members
from loyalty.care.open_balances import Opening, open_balances
from loyalty.earning.accept import Earn, TransactionMismatch, accept, check_time, to_row
from loyalty.errors import Conflict, Invalid, Problem
from loyalty.jobs.imports.records import Code, Record, What
from loyalty.jobs.step import ROWS_FAULT
from loyalty.members.bring_in import Outcome
from loyalty.outbox import handover
from loyalty.programs.queries import Program
from loyalty.rewards.models import RewardRow
from loyalty.rewards.queries import NoSuchReward, find_reward
from loyalty.rewards.vouchers import add_codes

MOST_AT_ONCE = 1000  # lines in a transaction: enough to share its statements, few to do again


class CodeTaken(Conflict):
    """409: the code stands in another pool; within the tenant it is unique."""

    code = "code_taken"
    title = "Another reward has this code"
    cure = "Make another code: a voucher is told by its code alone."


class NotPossible(Conflict):
    """409: Postgres refuses the row."""

    code = "not_possible"
    title = "The row cannot be stored"
    cure = "Read the detail: it is what the database says."


# Look-ups by key, whatever the statistics say of tables that were empty a minute ago.
_PLAN = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true)"
)


def bring(
    session: Session, program: Program, what: What, records: Sequence[Record], by: By
) -> list[Outcome]:
    """What became of each record, in their order. A repeat changes nothing.

    Raises Unavailable, and what is no row's fault: nothing of the batch is done then.
    """
    session.execute(_PLAN)
    try:
        with session.begin_nested():
            return _bring(session, program, what, records, by)
    except DBAPIError as error:
        if not isinstance(error.orig, ROWS_FAULT):
            raise
        if len(records) == 1:
            return [NotPossible(str(error.orig).partition("\n")[0])]
    return [bring(session, program, what, [one], by)[0] for one in records]


def _bring(
    session: Session, program: Program, what: What, records: Sequence[Record], by: By
) -> list[Outcome]:
    match what:
        case "members":
            return bring_members(session, program, cast("list[Brought]", records), by.at)
        case "balances":
            return open_balances(session, program, cast("list[Opening]", records), by)
        case "purchases":
            return _bring_purchases(session, program, cast("list[Earn]", records), by)
        case "vouchers":
            return _bring_codes(session, program, cast("list[Code]", records), by.at)


def _bring_purchases(
    session: Session, program: Program, earns: Sequence[Earn], by: By
) -> list[Outcome]:
    """As if they had been posted one by one: a worker awards them by the rules in force then."""
    outcomes: list[Outcome] = ["unchanged"] * len(earns)
    rows = {}
    for index, earn in enumerate(earns):
        try:
            check_time(earn.occurred_at, program.settings.late_window_days, by.at)
        except Invalid as problem:
            outcomes[index] = problem
        else:
            rows[index] = to_row(program.id, earn, by.request_id, by.at)
    stored = accept(session, list(rows.values())) if rows else []
    for index, one in zip(rows, stored, strict=True):
        if not one.same:
            outcomes[index] = TransactionMismatch()
        elif one.fresh:
            outcomes[index] = "added"
    handover.note(session, [one.id for one in stored if one.fresh])
    return outcomes


def _bring_codes(
    session: Session, program: Program, codes: Sequence[Code], at: datetime
) -> list[Outcome]:
    rewards = {one.reward: find_reward(session, program.id, one.reward) for one in codes}
    wanted: dict[tuple[str, datetime | None], list[str]] = defaultdict(list)
    for one in codes:
        if _refusal(one, rewards[one.reward], at) is None:
            wanted[one.reward, one.expires_at].append(one.code)
    added = set[str]()
    for (key, expires_at), new in sorted(wanted.items(), key=str):
        reward = rewards[key]
        added |= add_codes(session, reward, new, expires_at, at) if reward else set()
    pools = _pools(session, {one.code for one in codes})
    outcomes: list[Outcome] = []
    for one in codes:
        reward = rewards[one.reward]
        outcome: Outcome = "unchanged"
        if problem := _refusal(one, reward, at):
            outcome = problem
        elif reward and pools[one.code] != reward.id:
            outcome = CodeTaken(f"{one.code} is a code of another reward.")
        elif one.code in added:
            added.remove(one.code)  # a line that says it once more adds nothing
            outcome = "added"
        outcomes.append(outcome)
    return outcomes


_POOLS = text(
    "SELECT v.code, v.reward_id FROM unnest(CAST(:codes AS text[])) named(code)"
    " CROSS JOIN LATERAL (SELECT x.code, x.reward_id FROM voucher x"
    "   WHERE x.tenant_id = :tenant AND x.code = named.code LIMIT 1) v"
)


def _pools(session: Session, codes: Collection[str]) -> dict[str, UUID]:
    """Of which reward each code is."""
    values = {"tenant": session.info["tenant_id"], "codes": sorted(codes)}
    return {row.code: row.reward_id for row in session.execute(_POOLS, values)}


def _refusal(one: Code, reward: RewardRow | None, at: datetime) -> Problem | None:
    if reward is None:
        return NoSuchReward(one.reward)
    if reward.vouchers is None or reward.vouchers["from"] != "pool":
        return Invalid.field("/reward", "no_pool", "This reward has no pool of codes.")
    if one.expires_at is not None and one.expires_at <= at:
        return Invalid.field("/expires_at", "in_the_past", "The code could never be used.")
    return None
