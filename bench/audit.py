"""What an audit takes: `python -m bench.audit`.

The whole book, of a million entries (`--entries`), and what the beat audits of it in one tick,
when all of the book is new to it; beside a book of a tenth. A whole audit may take a minute.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from statistics import median
from time import perf_counter

import click
import orjson
from rich.console import Console

from bench.book import add_purchases, open_book
from bench.servers import OUT, Servers, give_up_after, servers, work_in
from loyalty.book.audit import LATEST_COMMIT, audit, scopes
from loyalty.book.audit_touched import MOST_ACCOUNTS, audit_touched
from loyalty.clock import wall_clock
from loyalty.tenants.add_tenant import add_tenant
from loyalty.transaction import across_tenants, transaction

_MOST_WHOLE_S = 60
_MOST_S = 900
_TICKS = 9
_SMALL = 10  # the book that a tick is compared with is so many times smaller

console = Console(stderr=True)


@click.command()
@click.option("--entries", default=1_000_000, show_default=True)
def main(entries: int) -> None:
    """Audits a book, and stretches of it; writes bench/out/audit.json."""
    give_up_after(_MOST_S)
    with servers() as running:
        small = _tick(running, "small", entries // _SMALL)
        large = _tick(running, "large", entries)
        whole = _whole(entries)
    told = {"entries": entries, "whole_s": whole, "tick_ms": large, "tick_ms_of_a_tenth": small}
    console.print(told)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "audit.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    sys.exit(0 if whole <= _MOST_WHOLE_S else 1)


def _tick(running: Servers, name: str, entries: int) -> float:
    """The median of some ticks over a book of so many entries, ten of each account, in ms."""
    work_in(running, name)
    members = entries // 10
    with across_tenants() as session:
        tenant_id = add_tenant(session, name, name, wall_clock())
    with transaction(tenant_id) as session:
        program_id = open_book(session, members, points=0)
        for done in range(10):
            add_purchases(session, program_id, 1, done * members)
    with running.superuser(name) as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    took = []
    for _ in range(min(_TICKS, members // MOST_ACCOUNTS)):
        with across_tenants() as session:
            began = perf_counter()
            broken = audit_touched(session, wall_clock() + LATEST_COMMIT + timedelta(days=1))
            took.append((perf_counter() - began) * 1000)
        assert broken == [], broken
    return round(median(took))


def _whole(entries: int) -> float:
    with across_tenants(snapshot=True) as session:
        *_, verdict = audit(session, scopes(session, None, None))
    assert not verdict.broken, verdict.broken
    assert verdict.entries == entries, verdict
    return round(verdict.took_s, 1)


if __name__ == "__main__":
    main()
