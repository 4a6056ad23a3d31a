"""A night on which a million tiers end at once: `python -m bench.tiers [--members N]`.

Beat and one sweeper review them; the goal is that of issue 3. Every member has bought on twelve
days of the last year; half of them keep their tier by it, the other half falls and is told.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from time import perf_counter, sleep

from sqlalchemy import text

from bench.house import House, Shop
from bench.servers import OUT, give_up_after, servers
from loyalty.clock import wall_clock

MEMBERS = 1_000_000
WITHIN_S = 300.0
_DAYS_A_MEMBER = 12
_LOOK_EVERY_S = 0.5
_MOST_S = 2400

_POLICY = '{"window": "rolling_12_months", "fall": "to_balance", "warn_days": 0}'
_GOLD = text("""
    UPDATE membership SET tier_key = 'gold', tier_until = :due, tier_review_at = :due
    WHERE tenant_id = :tenant AND program_id = :program
""")
# Even accounts have counted 720 in the last year, odd ones 360; gold takes 500.
_DAYS = text("""
    INSERT INTO tier_progress (tenant_id, account_id, day, points, spend)
    SELECT :tenant, a.id, CAST(:due AS date) - 28 * n, CASE a.id % 2 WHEN 0 THEN 60 ELSE 30 END, 0
    FROM account a CROSS JOIN generate_series(1, :each) n
    WHERE a.tenant_id = :tenant AND a.program_id = :program
""")
_ADOPT = text(
    "UPDATE program SET settings = settings || jsonb_build_object('tier_policy',"
    " CAST(:policy AS jsonb)) WHERE tenant_id = :tenant AND id = :program"
)
_DUE = (
    "SELECT 1 FROM membership WHERE tenant_id = %s AND program_id = %s"
    " AND tier_review_at <= now() LIMIT 1"
)
_ENDED = (
    "SELECT count(*) FILTER (WHERE tier_key = 'gold' AND account_id %% 2 = 0),"
    " count(*) FILTER (WHERE tier_key = 'basic' AND account_id %% 2 = 1),"
    " (SELECT count(DISTINCT subject) FROM event WHERE tenant_id = %s AND type = 'tier.lowered'),"
    " (SELECT count(*) FROM event WHERE tenant_id = %s)"
    " FROM membership WHERE tenant_id = %s"
)


@dataclass(frozen=True, slots=True)
class Night:
    """What was measured."""

    members: int
    took_s: float
    members_a_second: float

    @property
    def is_good(self) -> bool:
        """Whether the goal is met, at its pace when fewer tiers ended."""
        return self.members_a_second >= MEMBERS / WITHIN_S


def _let_end(shop: Shop) -> None:
    """All tiers of the shop end now."""
    from loyalty.transaction import transaction

    values = {
        "tenant": shop.tenant_id,
        "program": shop.program_id,
        "due": wall_clock(),
        "each": _DAYS_A_MEMBER,
        "policy": _POLICY,
    }
    with transaction(shop.tenant_id) as session:
        session.execute(text("SET LOCAL statement_timeout = '20min'"))
        for step in (_ADOPT, _DAYS, _GOLD):
            session.execute(step, values)


def measure(house: House, members: int) -> Night:
    """Lets all tiers end at one instant, and waits until each is reviewed."""
    shop = house.shop("night", members)
    _let_end(shop)
    began = perf_counter()
    while house.database.rows(_DUE, shop.tenant_id, shop.program_id):
        sleep(_LOOK_EVERY_S)
    took_s = perf_counter() - began
    half = members // 2
    [ended] = house.database.rows(_ENDED, *[shop.tenant_id] * 3)
    if ended != (half, half, half, half):
        raise AssertionError(f"kept, fallen, told of, told in all: {ended}")
    return Night(members, round(took_s, 1), round(members / took_s))


def main() -> int:
    """Measures, tells, and keeps what was found in bench/out/tiers.json."""
    asked = argparse.ArgumentParser(prog="python -m bench.tiers", description=__doc__)
    asked.add_argument("--members", type=int, default=MEMBERS)
    members = asked.parse_args().members
    give_up_after(_MOST_S)
    with servers() as running:
        house = House(running)
        try:
            house.start()
            night = measure(house, members)
        finally:
            house.stop()
    told = json.dumps(asdict(night), indent=2)
    sys.stdout.write(told + "\n")
    if members == MEMBERS:
        OUT.mkdir(exist_ok=True)
        (OUT / "tiers.json").write_text(told + "\n")
    return 0 if night.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
