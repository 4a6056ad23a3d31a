"""A night on which a million lots are due at once: `python -m bench.due [--lots N]`.

Beat and one sweeper move them while members burn; the goals are those of issue 3. Every member
has a lot that pays the burns, and lots of which half activate and half expire.
"""

from __future__ import annotations

import argparse
import json
import sys
from array import array
from dataclasses import asdict, dataclass
from time import perf_counter

from sqlalchemy import text

from bench.book import JOINED_AT
from bench.house import House, Shop
from bench.load import Stream, percentile, run
from bench.purchases import burns, member_id
from bench.servers import OUT, give_up_after, servers
from loyalty.clock import wall_clock

LOTS = 1_000_000
LOTS_OF_A_MEMBER = 10
WITHIN_S = 300.0
BURN_P99_MS = 50.0
_BURNS_A_SECOND = 50.0  # enough for a p99, too few to be a load
_SLICE_S = 5.0
_MOST_S = 1800

# Adjustments, as `loyalty.care.adjust` writes them: even lots are pending and activate, odd ones
# expire. All accounts are at version 1, with their purse.
_MADE_DUE = text("""
    WITH given AS MATERIALIZED (
      SELECT id AS account_id, n + 1 AS version, n, uuidv7() AS cause
      FROM account CROSS JOIN generate_series(1, :each) n
      WHERE tenant_id = :tenant AND program_id = :program
    ), paid AS (
      UPDATE account SET pending = :waits * 10, available = available + :lives * 10,
             lifetime = lifetime + :each * 10, tier_points = tier_points + :each * 10,
             version = 1 + :each
      WHERE tenant_id = :tenant AND program_id = :program
    ), lots AS (
      INSERT INTO lot (tenant_id, account_id, id, points, remaining, activates_at, expires_at,
                       active, open)
      SELECT :tenant, account_id, version, 10, 10,
             CASE WHEN n % 2 = 0 THEN :due - n * interval '1 minute' END,
             CASE WHEN n % 2 = 1 THEN :due - n * interval '1 minute' END, n % 2 = 1, true
      FROM given
    ), adjusted AS (
      INSERT INTO adjustment (tenant_id, id, program_id, account_id, points, reason, entry_version,
                              actor, occurred_at)
      SELECT :tenant, cause, :program, account_id, 10, 'bench', version, 'bench', :at FROM given
    )
    INSERT INTO entry (tenant_id, kind, account_id, version, from_bucket, to_bucket, points,
                       pending_after, available_after, held_after, owed_after,
                       cause_id, occurred_at, recorded_at)
    SELECT :tenant, 'adjust', g.account_id, g.version, 'adjusted',
           (CASE WHEN n % 2 = 0 THEN 'pending' ELSE 'available' END)::bucket, 10,
           n / 2 * 10, a.available + (n + 1) / 2 * 10, 0, 0, cause, :at, :at
    FROM given g JOIN account a ON a.tenant_id = :tenant AND a.id = g.account_id
""")
_LEFT = "SELECT 1 FROM lot WHERE tenant_id = %s AND open AND due_at <= now() LIMIT 1"


@dataclass(frozen=True, slots=True)
class Night:
    """What was measured."""

    lots: int
    took_s: float
    lots_a_second: float
    burns: int
    burn_p50_ms: float
    burn_p99_ms: float
    idle_burn_p99_ms: float

    @property
    def is_good(self) -> bool:
        """Whether the goals are met, at the pace of the goal when fewer lots were due."""
        fast_enough = self.lots_a_second >= LOTS / WITHIN_S
        return fast_enough and self.burn_p99_ms <= BURN_P99_MS


def _make_due(shop: Shop) -> int:
    from loyalty.transaction import transaction

    with transaction(shop.tenant_id) as session:
        session.execute(text("SET LOCAL statement_timeout = '20min'; SET LOCAL work_mem = '256MB'"))
        made = session.execute(
            _MADE_DUE,
            {
                "tenant": shop.tenant_id,
                "program": shop.program_id,
                "each": LOTS_OF_A_MEMBER,
                "waits": LOTS_OF_A_MEMBER // 2,
                "lives": LOTS_OF_A_MEMBER // 2,
                "due": wall_clock(),
                "at": JOINED_AT,
            },
        )
        return int(made.rowcount)  # type: ignore[attr-defined]


def _burned(house: House, shop: Shop, members: int, seconds: float) -> array[float]:
    """The latencies of burns by any members for so long."""
    names = [member_id(number) for number in range(1, members + 1)]
    requests = burns(int(seconds * _BURNS_A_SECOND * 2), shop.key, names)
    stream = Stream(requests, 16, _BURNS_A_SECOND)
    run(house.address, [stream], seconds)
    return stream.expect(201).latencies_s


def measure(house: House, lots: int) -> Night:
    """Makes the lots due at one instant, and burns until all of them are moved."""
    members = lots // LOTS_OF_A_MEMBER
    _burned(house, house.shop("evening", members=100), 100, 2)  # warm
    shop = house.shop("night", members)
    made = _make_due(shop)
    began = perf_counter()
    latencies: array[float] = array("d")
    while house.database.rows(_LEFT, shop.tenant_id):
        latencies += _burned(house, shop, members, _SLICE_S)
    took_s = perf_counter() - began
    idle = _burned(house, shop, members, 2 * _SLICE_S)
    _must_be_whole()
    return Night(
        lots=made,
        took_s=round(took_s, 1),
        lots_a_second=round(made / took_s),
        burns=len(latencies),
        burn_p50_ms=round(percentile(latencies, 50) * 1000, 1),
        burn_p99_ms=round(percentile(latencies, 99) * 1000, 1),
        idle_burn_p99_ms=round(percentile(idle, 99) * 1000, 1),
    )


def _must_be_whole() -> None:
    from loyalty.book.audit import audit, scopes
    from loyalty.transaction import across_tenants

    with across_tenants(snapshot=True) as session:
        *_, verdict = audit(session, scopes(session, "night", None))
    if verdict.broken:
        raise AssertionError(f"the book is broken: {verdict.broken[0]}")


def main() -> int:
    """Measures, tells, and keeps what was found in bench/out/due.json."""
    asked = argparse.ArgumentParser(prog="python -m bench.due", description=__doc__)
    asked.add_argument("--lots", type=int, default=LOTS)
    lots = asked.parse_args().lots
    give_up_after(_MOST_S)
    with servers() as running:
        house = House(running)
        try:
            house.start()
            night = measure(house, lots)
        finally:
            house.stop()
    told = json.dumps(asdict(night), indent=2)
    sys.stdout.write(told + "\n")
    if lots == LOTS:
        OUT.mkdir(exist_ok=True)
        (OUT / "due.json").write_text(told + "\n")
    return 0 if night.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
