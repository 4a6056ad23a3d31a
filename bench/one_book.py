"""A book in a process of its own, for its database: `python -m bench.one_book ENTRIES`.

Fills it, says so in a line of JSON, and then for every line that it reads takes and awards
purchases by the house's own verbs, in sets, and says what that cost.
"""

from __future__ import annotations

import sys
from time import perf_counter
from uuid import UUID

import orjson
import psycopg2

from bench.book import add_purchases, open_book
from bench.purchases import MEMBERS, earn_of, purchase
from loyalty.clock import now, wall_clock
from loyalty.earning.accept import Earn, accept, to_row
from loyalty.earning.award import award_activities
from loyalty.tenants.add_tenant import add_tenant
from loyalty.transaction import across_tenants, transaction

SET = 200  # what a worker takes at once
_TURNS_AT_ONCE = 10
_SIZE = (
    "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_LOG = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"


class Book:
    """One tenant's book with `entries` of purchases, spread evenly over all members."""

    def __init__(self, entries: int, superuser_url: str) -> None:
        self._connection = psycopg2.connect(superuser_url)
        self._connection.autocommit = True
        with across_tenants() as session:
            self.tenant_id = add_tenant(session, "grown", "Grown", wall_clock())
        with transaction(self.tenant_id) as session:
            self.program_id = open_book(session, MEMBERS, points=0)
        empty = self._ask(_SIZE)
        turns = entries // MEMBERS - 1
        for done in range(0, turns, _TURNS_AT_ONCE):
            self._add(min(_TURNS_AT_ONCE, turns - done), done)
        self._ask("VACUUM ANALYZE")
        self._ask("CHECKPOINT")
        # The first change of a page after a checkpoint writes all of it to the log. One more turn
        # touches every member's, so that what is measured is the long stretch after that.
        self._add(1, turns)
        self.stored_bytes = (self._ask(_SIZE) - empty) / entries

    def _add(self, turns: int, done: int) -> None:
        with transaction(self.tenant_id) as session:
            add_purchases(session, self.program_id, turns, done * MEMBERS)

    def measure(self, sets: int) -> dict[str, float]:
        """Microseconds, and bytes of log, for each of `sets` × 200 purchases."""
        work = [[earn_of(purchase()) for _ in range(SET)] for _ in range(sets)]
        log, began = self._ask(_LOG), perf_counter()
        for earns in work:
            self._take(earns)
        seconds, written = perf_counter() - began, self._ask(_LOG) - log
        count = sets * SET
        return {"cost_us": seconds / count * 1e6, "log_bytes": written / count}

    def _take(self, earns: list[Earn]) -> None:
        at = wall_clock()
        with transaction(self.tenant_id) as session:
            stored = accept(session, [to_row(self.program_id, earn, None, at) for earn in earns])
        ids: list[UUID] = [one.id for one in stored]
        with transaction(self.tenant_id) as session:
            judged = award_activities(session, ids, now(session), top_up=False)
        if len(judged.awards) != len(earns):
            raise AssertionError(f"{len(earns)} were accepted, {len(judged.awards)} awarded")

    def _ask(self, question: str) -> float:
        with self._connection.cursor() as cursor:
            cursor.execute(question)
            return float(cursor.fetchall()[0][0]) if cursor.description else 0.0


def main() -> None:
    """Speaks with bench.growth."""
    entries, superuser_url = int(sys.argv[1]), sys.argv[2]
    book = Book(entries, superuser_url)
    _say({"stored_bytes": book.stored_bytes})
    for line in sys.stdin:
        _say(book.measure(int(line)))


def _say(told: dict[str, float]) -> None:
    sys.stdout.write(orjson.dumps(told).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
