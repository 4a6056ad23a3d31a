"""One round: load, a fault, and the comparison of what the clients know with the ledger."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.book.audit import audit, scopes
from tests.faults import in_force
from tests.faults.kinds import DATABASE_AWAY, KINDS
from tests.faults.load import RETURNERS, SPENDABLE, Load, Told
from tests.faults.rig import Rig
from tests.stack import until
from tests.tenant import TestTenant

CREDITED_WITHIN_S = 10.0  # the promise: p99, from being back
SETTLED_WITHIN_S = 60.0
_GOES_ON_S = 0.5
_OPEN = text(
    "SELECT (SELECT count(*) FROM unsettled WHERE tenant_id = :tenant)"
    " + (SELECT count(*) FROM unsettled_give_back WHERE tenant_id = :tenant)"
)
_LEDGER = text(
    "SELECT a.transaction_id, a.id, a.member_id, w.points, extract(epoch FROM w.awarded_at) AS at,"
    " s.status AS set_back,"
    " (SELECT count(*) FROM entry e WHERE e.tenant_id = a.tenant_id AND e.kind = 'award'"
    "   AND e.account_id = w.account_id AND e.cause_id = a.id) AS entries"
    " FROM activity a"
    " LEFT JOIN award w ON w.tenant_id = a.tenant_id AND w.activity_id = a.id"
    " LEFT JOIN setback s ON s.tenant_id = a.tenant_id AND s.activity_id = a.id"
    " WHERE a.tenant_id = :tenant AND a.kind = 'purchase'"
)
_BALANCES = text(
    "SELECT m.member_id, a.available + a.pending AS points FROM membership ms"
    " JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id"
    " JOIN account a ON a.tenant_id = ms.tenant_id AND a.id = ms.account_id"
    " WHERE ms.tenant_id = :tenant"
)
_BURNS = text("SELECT count(*) FROM redemption WHERE tenant_id = :tenant")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A round that went well: counts, and the seconds from being back to credited."""

    kind: str
    accepted: int
    credited: int
    doubled: int
    failed: int
    burned: int
    tried_again: Counter[str]
    slowest_burn_s: float
    #: Of what was accepted before all was back and credited after the fault struck: seconds from
    #: being back (0: meanwhile), and from the fault or, if later, from being accepted.
    back_to_credited_s: list[float]
    struck_to_credited_s: list[float]


def strike(rig: Rig, kind: str, *, goes_on: bool) -> Outcome:
    """Runs one round; whatever is not as it must be is an AssertionError that says what.

    The load `goes_on` after the fault, so that later purchases take along what was left behind;
    or it ends soon after the fault struck, and only the sweep is there for it.
    """
    tenant = rig.stack.tenant()
    with Load(rig.urls, tenant, tills=4) as load:
        until(lambda: len(load.told.accepted) >= 50, "purchases to be accepted", within_s=60)
        struck = time.time()
        if not goes_on:
            threading.Timer(_GOES_ON_S, load.end).start()
        KINDS[kind](rig)
        back = time.time()
        enough = len(load.told.accepted) + (20 if goes_on else 0)
        until(lambda: len(load.told.accepted) >= enough, f"purchases after: {kind}", within_s=60)
    rig.stack.system.dispose()  # its connections may have ended with Postgres
    with Session(rig.stack.system) as session:
        until(lambda: _is_settled(session, tenant), f"settlement after: {kind}", SETTLED_WITHIN_S)
        outcome = _compared(session, kind, tenant, load.told, struck, back)
    _burns_are_told_again(load)
    return outcome


def _is_settled(session: Session, tenant: TestTenant) -> bool:
    with session.begin():
        return not session.scalar(_OPEN, {"tenant": tenant.id})


def _compared(
    session: Session, kind: str, tenant: TestTenant, told: Told, struck: float, back: float
) -> Outcome:
    with session.begin():
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        ledger = session.execute(_LEDGER, {"tenant": tenant.id}).all()
        balances = {
            row.member_id: row.points for row in session.execute(_BALANCES, {"tenant": tenant.id})
        }
        burned = session.scalar(_BURNS, {"tenant": tenant.id}) or 0
        *_, verdict = audit(session, scopes(session, tenant.slug, None))
    _earns_are_in_the_ledger(ledger, told, balances)
    redeemed = sum(one.status == 201 for one in told.burns.values())
    assert (burned, balances["spender"]) == (redeemed, SPENDABLE - redeemed)
    assert verdict.broken == []
    allowed = {
        "ConnectionError",
        "ReadTimeout",
        "ChunkedEncodingError",
        "409 idempotency_in_flight",
    }
    allowed |= {"503 unavailable"} if kind in DATABASE_AWAY else set()
    assert told.tried_again.keys() <= allowed, told.tried_again
    accepted = {one.id: one.at for one in told.accepted.values()}
    hit = [
        (accepted[str(row.id)], float(row.at))
        for row in ledger
        if accepted[str(row.id)] <= back and float(row.at) > struck
    ]
    return Outcome(
        kind,
        len(told.accepted),
        sum(row.points is not None for row in ledger),
        sum(row.entries > 1 for row in ledger),
        sum(row.set_back == "failed" for row in ledger),
        burned,
        told.tried_again,
        told.slowest_burn_s,
        sorted(max(0.0, at - back) for _, at in hit),
        sorted(at - max(struck, accepted_at) for accepted_at, at in hit),
    )


def _earns_are_in_the_ledger(ledger: Any, told: Told, balances: dict[str, int]) -> None:
    """The clients' own log of 202s is the awards of the ledger, each once, with all that was in
    force; what was brought back is gone again, and each regular got the bonus once."""
    assert {row.transaction_id: (str(row.id), row.member_id) for row in ledger} == {
        key: (one.id, one.member) for key, one in told.accepted.items()
    }
    assert {row.entries for row in ledger} == {1}
    openings: Counter[str] = Counter()
    treats: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    bought = Counter(one.member for one in told.accepted.values())
    for row in ledger:
        one = told.accepted[row.transaction_id]
        given, rest = divmod(row.points, 2 if one.night else 1)
        treated, opened = divmod(given - one.points, in_force.TREAT)
        assert (rest, treated in {0, 1}) == (0, True), (row, one)
        back = row.transaction_id in told.returned
        openings["returned" if back else "kept"] += opened
        treats[one.member] += treated
        kept[one.member] += 0 if back else row.points
    assert openings["kept"] <= in_force.BUDGET, "the budget is overspent"
    assert openings.total() >= min(in_force.BUDGET, len(ledger)), "the budget is not spent"
    for member, purchases in bought.items():
        bonus = in_force.BONUS if purchases >= in_force.VISITS else 0
        if member in RETURNERS:  # some of their purchases no longer count
            assert balances[member] - kept[member] in {0, bonus}
        else:
            assert treats[member] == min(in_force.TREATS, purchases)
            assert balances[member] == kept[member] + bonus, member


def _burns_are_told_again(load: Load) -> None:
    """The same key gives the same answer, of whatever process it came."""
    again = load.burn_all_again()
    assert {key: answer for key, (answer, _) in again.items()} == load.told.burns
    assert all(replayed for _, replayed in again.values())


def quantile(sorted_s: list[float], share: float) -> float:
    """The figure that `share` of them do not exceed; 0 of none."""
    return sorted_s[min(len(sorted_s) - 1, int(share * len(sorted_s)))] if sorted_s else 0.0


_COLUMNS = (
    ("kind of fault", 29),
    ("rounds", 6),
    ("accepted", 8),
    ("credited", 8),
    ("doubled", 7),
    ("failed", 6),
    ("burned", 6),
    ("again", 5),
    ("p50", 6),
    ("p99", 6),
    ("max", 6),
    ("from fault", 10),
)
_SUMMED = ("accepted", "credited", "doubled", "failed", "burned")


def heading() -> str:
    """The first line of the table.

    `again`: requests sent again; p50, p99, max: seconds from being back to credited, of what was
    accepted before; `from fault`: the longest wait of these.
    """
    return "  ".join(f"{name:<{width}}" for name, width in _COLUMNS)


def line(kind: str, outcomes: list[Outcome]) -> str:
    """The rounds of one kind as a line of the table."""
    waits = sorted(one for outcome in outcomes for one in outcome.back_to_credited_s)
    longest = max((outcome.struck_to_credited_s[-1:] or [0.0])[0] for outcome in outcomes)
    figures: list[object] = [
        kind,
        len(outcomes),
        *(sum(getattr(one, name) for one in outcomes) for name in _SUMMED),
        sum(outcome.tried_again.total() for outcome in outcomes),
        *(f"{quantile(waits, share):.2f}" for share in (0.5, 0.99, 1.0)),
        f"{longest:.2f}",
    ]
    return "  ".join(f"{figures[n]!s:<{width}}" for n, (_, width) in enumerate(_COLUMNS))
