"""What ten promotions cost: `python -m bench.promotions [--rounds N]`.

Two tenants beside each other: one has its earn rate alone; the other ten promotions besides, of
which three have limits (two of each member, one of everyone together), and points that wait and
expire. The same purchases go to both in turns; the goal is that of issue 3.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench import purchases
from bench.house import House, Shop
from bench.servers import OUT, give_up_after, servers
from bench.stages import SET, credited
from loyalty.clock import wall_clock

LEAST_RATIO = 0.6
ROUNDS = 5
_SECONDS = 6.0
_MOST_A_SECOND = 12_000
_BATCHES_A_SECOND = 40
_MOST_S = 1200

MONTHLY = {"of": "member", "per": "month"}
PROMOTIONS: dict[str, dict[str, Any]] = {
    "weekend": {"multiplier": "2", "when": {"weekday": ["sat", "sun"]}},
    "evening": {"multiplier": "1.5", "when": {"hours": {"from": "17:00", "to": "22:00"}}},
    "status": {"multiplier": "1.1", "when": {"tier": ["gold", "platinum"]}},
    "house": {
        "fixed": 5,
        "when": {"retailer": ["wine-house"]},
        "limits": [{**MONTHLY, "points": 10_000}],
    },
    "large": {
        "fixed": 3,
        "when": {"amount": {"at_least": "50"}},
        "limits": [{"of": "member", "per": "day", "uses": 3}],
    },
    "season": {
        "rates": {"USD": {"points": 1, "per": "10"}},
        "when": {"dates": {"from": "2020-01-01"}},
        "limits": [{"of": "everyone", "per": "month", "points": 1_000_000_000}],
    },
    "store": {
        "fixed": 2,
        "when": {"store": ["store-01", "store-02"]},
        "stacking": {"exclusive": "place"},
        "pending": {"days": 30},
    },
    "channel": {
        "rates": {"USD": {"points": 1, "per": "20"}},
        "when": {"channel": ["till"]},
        "stacking": {"exclusive": "place"},
    },
    "bread": {"fixed": 4, "when": {"category": ["food/bread"]}},
    "first": {"fixed": 50, "when": {"first_purchase": True}},
}
SETTINGS: dict[str, Any] = {"pending": {"days": 14}, "expiry": {"kind": "end_of_year", "n": 2}}

_PUBLISH = text("""
    WITH made AS (
      INSERT INTO promotion (tenant_id, program_id, key, name, standing, created_at)
      VALUES (:tenant, :program, :key, :key, false, :at) RETURNING id
    )
    INSERT INTO promotion_version (tenant_id, promotion_id, version, status, rule, published_at)
    SELECT :tenant, id, 1, 'published', CAST(:rule AS jsonb), :at FROM made
""")


def in_force(session: Session, program_id: int) -> None:
    """Ten promotions of a program, whose points wait and expire."""
    values = {"tenant": session.info["tenant_id"], "program": program_id}
    for key, rule in PROMOTIONS.items():
        told = orjson.dumps(rule).decode()
        session.execute(_PUBLISH, {**values, "key": key, "rule": told, "at": wall_clock()})
    session.execute(
        text(
            "UPDATE program SET settings = settings || CAST(:settings AS jsonb)"
            " WHERE tenant_id = :tenant AND id = :program"
        ),
        {**values, "settings": orjson.dumps(SETTINGS).decode()},
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """Credited purchases a second, in the median of the rounds; the ratios are ten to alone."""

    singles_alone: float
    singles_ten: float
    singles_ratio: float
    batches_alone: float
    batches_ten: float
    batches_ratio: float

    @property
    def is_good(self) -> bool:
        """Whether the goal is met."""
        return min(self.singles_ratio, self.batches_ratio) >= LEAST_RATIO


def measure(house: House, rounds: int, seconds: float = _SECONDS) -> Cost:
    """Each round sends single purchases and batches to both tenants, in turns."""
    from loyalty.transaction import transaction

    alone, ten = house.shop("alone"), house.shop("ten")
    with transaction(ten.tenant_id) as session:
        in_force(session, ten.program_id)
    for shop in (alone, ten):
        _singles(house, shop, 1), _batches(house, shop, 1)
    found: dict[str, list[float]] = {}
    for number in range(rounds):
        for shop in (alone, ten) if number % 2 else (ten, alone):
            which = "alone" if shop is alone else "ten"
            found.setdefault(f"singles_{which}", []).append(_singles(house, shop, seconds))
            found.setdefault(f"batches_{which}", []).append(_batches(house, shop, seconds))
    _must_be_whole()
    rates = {name: median(several) for name, several in found.items()}
    return Cost(
        rates["singles_alone"],
        rates["singles_ten"],
        _ratio(found["singles_ten"], found["singles_alone"]),
        rates["batches_alone"],
        rates["batches_ten"],
        _ratio(found["batches_ten"], found["batches_alone"]),
    )


def _ratio(ten: list[float], alone: list[float]) -> float:
    """Of each round by itself, so that a slow minute of the machine changes little."""
    return round(median(one / other for one, other in zip(ten, alone, strict=True)), 2)


def _singles(house: House, shop: Shop, seconds: float) -> float:
    requests = purchases.earns(int(seconds * _MOST_A_SECOND), shop.key)
    return round(credited(house, requests, 64, seconds)[1])


def _batches(house: House, shop: Shop, seconds: float) -> float:
    requests = purchases.batches(int(seconds * _BATCHES_A_SECOND), SET, shop.key)
    return round(credited(house, requests, 4, seconds, SET)[1])


def _must_be_whole() -> None:
    from loyalty.book.audit import audit, scopes
    from loyalty.transaction import across_tenants

    for slug in ("alone", "ten"):
        with across_tenants(snapshot=True) as session:
            *_, verdict = audit(session, scopes(session, slug, None))
        if verdict.broken:
            raise AssertionError(f"the book is broken: {verdict.broken[0]}")


def main() -> int:
    """Measures, tells, and keeps what was found in bench/out/promotions.json."""
    asked = argparse.ArgumentParser(prog="python -m bench.promotions", description=__doc__)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--seconds", type=float, default=_SECONDS)
    wanted = asked.parse_args()
    give_up_after(_MOST_S)
    with servers() as running:
        house = House(running)
        try:
            house.start()
            cost = measure(house, wanted.rounds, wanted.seconds)
        finally:
            house.stop()
    told = json.dumps(asdict(cost), indent=2)
    sys.stdout.write(told + "\n")
    if wanted.rounds >= ROUNDS:
        OUT.mkdir(exist_ok=True)
        (OUT / "promotions.json").write_text(told + "\n")
    return 0 if cost.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
