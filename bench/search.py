"""`python -m bench.search`: how long a search takes among a million members, filter by filter.

`--earns` measures instead what the index on points costs each purchase: two books, with it and
without it, take purchases in turns on one server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.growth import _Book as Book  # a book in a process of its own
from bench.one_book import SET
from bench.servers import OUT, Servers, give_up_after, servers, work_in
from loyalty.audit.by import By
from loyalty.clock import wall_clock
from loyalty.people.filters import Filters
from loyalty.people.search import Order, search
from loyalty.programs.create_program import NewProgram
from loyalty.programs.queries import Program
from loyalty.promotions.open_program import open_program
from loyalty.tenants.add_tenant import add_tenant
from loyalty.transaction import across_tenants, transaction

GOAL_MS = 50
_MOST_S = 3000
_SETS, _TURNS, _WARM_UP = 20, 15, 20
_ENTRIES = 200_000
#: What an earn would not pay for but for searches.
_INDICES = ("account_by_points", "account_owing")

console = Console(stderr=True)
_random = Random(7)

# Half of them joined in the last year; points fall off as they do in life; a hundredth is vip, one
# in a hundred thousand is a founder; two in three have bought something in the last two years.
_FILL = """
SET LOCAL statement_timeout = '30min';
SET LOCAL work_mem = '512MB';
CREATE TEMP TABLE one ON COMMIT DROP AS
  SELECT n, 'm' || lpad(CAST(n AS text), 7, '0') AS member_id,
         'First' || (n * 7 % 300) || ' Last' || (n * 13 % 20000) AS name,
         CAST(:at AS timestamptz)
           - interval '4 years' * ((1 - n / CAST(:members AS float)) ^ 2) AS joined,
         floor(exp(random() * 11))::bigint - 1 AS points,
         CASE WHEN random() < 0.66 THEN CAST(:at AS timestamptz) - interval '2 years' * random() ^ 2
         END AS active
  FROM generate_series(1, :members) n;
INSERT INTO member (tenant_id, member_id, name, attributes, created_at)
  SELECT :tenant, member_id, name,
         jsonb_build_object('city', 'City ' || (n * 31 % 1000), 'vip', n % 100 = 0,
                            'founder', n % 100000 = 5), joined
  FROM one ORDER BY n;
INSERT INTO identifier (tenant_id, kind, value, member_id)
  SELECT m.tenant_id, 'card', '4000' || m.id, m.id FROM member m WHERE m.tenant_id = :tenant;
INSERT INTO account (tenant_id, program_id, available, lifetime, tier_points, owed)
  SELECT :tenant, :program, points, points, points,
         CASE WHEN n % 2000 = 3 THEN n % 500 ELSE 0 END
  FROM one ORDER BY n;
CREATE TEMP TABLE both_ids ON COMMIT DROP AS
  SELECT one.*, m.id AS member, a.id AS account FROM one
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM member
        WHERE tenant_id = :tenant) m USING (n)
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM account
        WHERE tenant_id = :tenant) a USING (n);
INSERT INTO membership (tenant_id, program_id, member_id, account_id, status, tier_key, tier_since,
                        joined_at)
  SELECT :tenant, :program, member, account,
         CASE WHEN n % 10 = 1 THEN 'cancelled' WHEN n % 997 = 0 THEN 'suspended' ELSE 'active' END,
         CASE WHEN points >= 50000 THEN 'platinum' WHEN points >= 5000 THEN 'gold' ELSE 'basic' END,
         joined, joined
  FROM both_ids ORDER BY n;
CREATE TEMP TABLE bought ON COMMIT DROP AS
  SELECT *, (left(replace(least_id(active)::text, '-', ''), 12) || '7000a'
             || lpad(to_hex(n), 15, '0'))::uuid AS id
  FROM both_ids WHERE active IS NOT NULL;
INSERT INTO activity (tenant_id, program_id, id, kind, source, transaction_id, member_id, amount,
                      currency, occurred_at, recorded_at, input_hash)
  SELECT :tenant, :program, id, 'purchase', 'till', n::text, member_id, 1, 'USD', active, active, ''
  FROM bought ORDER BY id;
INSERT INTO award (tenant_id, program_id, activity_id, account_id, account_version, entries, points,
                   awarded_at, explanation)
  SELECT :tenant, :program, id, account, 0, 0, 0, active, '{}' FROM bought ORDER BY id;
INSERT INTO segment (tenant_id, program_id, key, name, size, counted_at, created_at)
  SELECT :tenant, :program, key, key, 0, :at, :at FROM unnest(ARRAY['few', 'many']) key;
INSERT INTO segment (tenant_id, program_id, key, name, condition, size, counted_at, created_at)
  VALUES (:tenant, :program, 'tree', 'tree',
          '{"all": [{"tier": ["gold"]}, {"points": {"at_least": 6000}}]}', 0, :at, :at);
INSERT INTO segment_member (tenant_id, segment_id, membership_id)
  SELECT :tenant, s.id, ms.id FROM membership ms
  JOIN segment s ON s.tenant_id = :tenant
   AND (s.key = 'few' AND ms.id % 500 = 0 OR s.key = 'many' AND ms.id % 3 = 0)
  WHERE ms.tenant_id = :tenant
"""


def _ago(most_days: float) -> datetime:
    return wall_clock() - timedelta(days=_random.uniform(0.01, most_days))


#: What is asked, anew each time. The rare and the common of each filter.
_ASKED: Mapping[str, tuple[Order, Callable[[], dict[str, Any]]]] = {
    "no filter": ("-joined", dict),
    "no filter, by points": ("-points", dict),
    "no filter, the least points": ("points", dict),
    "points ≥ few have": ("-joined", lambda: {"points_gte": 59_000 + _random.randrange(500)}),
    "points ≥ one in 200 has": ("-joined", lambda: {"points_gte": 56_500 + _random.randrange(9)}),
    "points ≥ many have": ("-joined", lambda: {"points_gte": _random.randrange(10, 5000)}),
    "points within a range": ("points", lambda: _points_range()),
    "in arrears": ("-joined", lambda: {"owed_gte": _random.randrange(1, 400)}),
    "tier": ("-joined", lambda: {"tier": _random.choice(("basic", "gold", "platinum"))}),
    "tier, by points": ("-points", lambda: {"tier": _random.choice(("gold", "platinum"))}),
    "status": ("-joined", lambda: {"status": _random.choice(("active", "cancelled"))}),
    "status suspended": ("-points", lambda: {"status": "suspended"}),
    "segment: a short list": ("-joined", lambda: {"segment": "few"}),
    "segment: a long list": ("-joined", lambda: {"segment": "many"}),
    "segment: a condition": ("-joined", lambda: {"segment": "tree"}),
    "attribute of few": ("-joined", lambda: {"attributes": {"founder": "true"}}),
    "attribute of 1 in 1000": (
        "-joined",
        lambda: {"attributes": {"city": f"City {_random.randrange(1000)}"}},
    ),
    "attribute of many": ("-joined", lambda: {"attributes": {"vip": "true"}}),
    "text: a member id": ("-joined", lambda: {"q": f"m{_random.randrange(10**6):07}"}),
    "text: how ids begin": ("-joined", lambda: {"q": f"m{_random.randrange(10**4):04}"}),
    "text: an identifier": ("-joined", lambda: {"q": f"4000{_random.randrange(1, 10**6)}"}),
    "text: a full name": ("-joined", lambda: {"q": _name(2)}),
    "text: a name of 50": ("-joined", lambda: {"q": _name(1)}),
    "text: a name of 3000": ("-joined", lambda: {"q": f"first{_random.randrange(100, 300)}"}),
    "text: a name of all": ("-joined", lambda: {"q": "first"}),
    "joined since": ("-joined", lambda: {"joined_gte": _ago(1400)}),
    "joined before": ("-joined", lambda: {"joined_lte": _ago(1400)}),
    "active in the last hours": ("-joined", lambda: {"last_activity_gte": _ago(0.5)}),
    "active in the last weeks": ("-joined", lambda: {"last_activity_gte": _ago(60)}),
    "inactive for months": ("-joined", lambda: {"last_activity_lte": _ago(600)}),
    "gold, rich, of a city": (
        "-points",
        lambda: {
            "tier": "gold",
            "points_gte": 9000,
            "attributes": {"city": f"City {_random.randrange(1000)}"},
        },
    ),
}


#: The goal is one filter's; how one does in another order depends on how the two go together.
_TOGETHER = {"tier, by points"}


def _points_range() -> dict[str, int]:
    least = _random.randrange(5000)
    return {"points_gte": least, "points_lte": least + _random.randrange(1, 1000)}


def _name(words: int) -> str:
    number = _random.randrange(1, 10**6)
    return " ".join([f"Last{number * 13 % 20000}", f"First{number * 7 % 300}"][:words])


@click.command()
@click.option("--members", default=1_000_000, show_default=True)
@click.option("--queries", default=100, show_default=True, help="Of each filter.")
@click.option("--earns", is_flag=True, help="What the indices cost an earn, instead.")
def main(members: int, queries: int, earns: bool) -> None:
    """Measures searches among so many members; writes bench/out/search.json."""
    give_up_after(_MOST_S)
    with servers() as running:
        if earns:
            _write("search-earns", _cost_of_indices(running))
            return
        told = _searches(running, members, queries)
    _write("search", told)
    slow = {name for name, (_, p95) in told.items() if p95 > GOAL_MS}
    sys.exit(1 if slow - _TOGETHER else 0)


def _write(name: str, told: Mapping[str, object]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))


def _searches(running: Servers, members: int, queries: int) -> dict[str, tuple[float, float]]:
    """The median and the 95th percentile of each, in milliseconds."""
    work_in(running, "search")
    began = perf_counter()
    with across_tenants() as session:
        tenant_id = add_tenant(session, "many", "Many", wall_clock())
    with transaction(tenant_id) as session:
        program = _fill(session, members)
    with running.superuser("search") as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    console.print(f"{members:,} members stand after {perf_counter() - began:.0f} s")
    told = {}
    for name, asked in _ASKED.items():
        told[name] = _measure(tenant_id, program, *asked, queries)
        console.print(f"{name}: {told[name][0]:g} ms, p95 {told[name][1]:g} ms")
    _show(told)
    return told


def _fill(session: Session, members: int) -> Program:
    order = NewProgram("wine", "Wine & Dine")
    program = open_program(session, order, by=By("bench", None, wall_clock()))
    values = {
        "tenant": session.info["tenant_id"],
        "program": program.id,
        "members": members,
        "at": datetime.now(UTC),
    }
    for statement in _FILL.split(";\n"):
        session.execute(text(statement), values)
    return program


def _measure(
    tenant_id: int,
    program: Program,
    order: Order,
    asked: Callable[[], dict[str, Any]],
    queries: int,
) -> tuple[float, float]:
    took = []
    for number in range(queries + 5):
        filters = Filters(**asked())
        began = perf_counter()
        with transaction(tenant_id) as session:
            search(session, program, filters, wall_clock(), order=order, limit=51)
        if number >= 5:  # the first ones warm up
            took.append((perf_counter() - began) * 1000)
    return round(median(took), 1), round(quantiles(took, n=20)[-1], 1)


def _show(told: Mapping[str, tuple[float, float]]) -> None:
    table = Table("filter", "median ms", "p95 ms", "")
    for name, (middle, p95) in told.items():
        table.add_row(name, f"{middle:g}", f"{p95:g}", "" if p95 <= GOAL_MS else "too slow")
    Console().print(table)


def _cost_of_indices(running: Servers) -> dict[str, float]:
    """What each purchase costs with the indices and without: microseconds, bytes of log, and
    microseconds of Postgres' processor time, which whoever else is at work blurs least."""
    took: dict[str, list[dict[str, float]]] = {"with": [], "without": []}
    with ExitStack() as at_the_end:
        books = {"with": _book(running, 0, ()), "without": _book(running, 1, _INDICES)}
        for book in books.values():
            at_the_end.callback(book.stop)
            book.heard()
            book.measure(_WARM_UP)
        for turn in range(_TURNS):
            for name in sorted(books, reverse=bool(turn % 2)):
                before = _processor_s(running, books[name])
                told = books[name].measure(_SETS)
                used = _processor_s(running, books[name]) - before
                took[name].append({**told, "processor_us": used / _SETS / SET * 1e6})
    told = {
        f"{what} {name}": median(one[what] for one in turns)
        for name, turns in took.items()
        for what in ("cost_us", "log_bytes", "processor_us")
    }
    for name, figure in told.items():
        console.print(f"{name}: {figure:.1f}")
    return told


def _processor_s(running: Servers, book: Book) -> float:
    """Processor time that Postgres has spent for a book so far."""
    which = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    with running.superuser() as connection, connection.cursor() as cursor:
        cursor.execute(which, (f"book_{book.entries}",))
        return sum(_of_process(pid) for (pid,) in cursor.fetchall())


def _of_process(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system


def _book(running: Servers, number: int, but: Sequence[str]) -> Book:
    """A book, without some indices."""
    book = Book(running, _ENTRIES + number)
    with running.superuser(f"book_{book.entries}") as connection, connection.cursor() as cursor:
        for index in but:
            cursor.execute(f"DROP INDEX {index}")
    return book


if __name__ == "__main__":
    main()
