"""What each statement of an acceptance and an award costs: `python -m bench.statements [--sets N]`.

Processor time of Postgres and of this process, in microseconds for each purchase, with the earn
rate alone and with ten promotions, in a book just made: it has no statistics. Linux tells it
exactly, in /proc.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time_ns
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import event

from bench.book import open_book
from bench.promotions import in_force
from bench.purchases import MEMBERS, earn_of, purchase
from bench.servers import give_up_after, servers, work_in
from loyalty.clock import now, wall_clock
from loyalty.db import Role, engine
from loyalty.earning.accept import accept, to_row
from loyalty.earning.award import award_activities
from loyalty.tenants.add_tenant import add_tenant
from loyalty.transaction import across_tenants, transaction

_SET = 500
_SETS = 20
_WARM_UP = 3
_SHOWN = 70  # characters of a statement
_MOST_S = 300


@dataclass(slots=True)
class Cost:
    """Processor time in nanoseconds, and how often it was."""

    postgres_ns: int = 0
    here_ns: int = 0
    times: int = 0


class Watch:
    """Adds up what statements cost, by their text, while it is installed."""

    def __init__(self) -> None:
        self.costs: dict[str, Cost] = defaultdict(Cost)
        self._before = (0, 0)
        event.listen(engine(Role.APP), "before_cursor_execute", self._begins)
        event.listen(engine(Role.APP), "after_cursor_execute", self._ended)

    def forget(self) -> None:
        """What was so far was a warm-up."""
        self.costs.clear()

    def _begins(self, _: Any, cursor: Any, *__: Any) -> None:
        self._before = _used_ns(cursor), process_time_ns()

    def _ended(self, _: Any, cursor: Any, statement: str, *__: Any) -> None:
        cost = self.costs[re.sub(r"\s+", " ", statement)[:_SHOWN]]
        cost.postgres_ns += _used_ns(cursor) - self._before[0]
        cost.here_ns += process_time_ns() - self._before[1]
        cost.times += 1


def _used_ns(cursor: Any) -> int:
    stat = Path(f"/proc/{cursor.connection.info.backend_pid}/schedstat")
    return int(stat.read_text().split()[0])


def _opened(slug: str, promote: Callable[[Any, int], None] | None) -> tuple[int, int]:
    with across_tenants() as session:
        tenant_id = add_tenant(session, slug, slug.title(), wall_clock())
    with transaction(tenant_id) as session:
        program_id = open_book(session, MEMBERS)
        if promote is not None:
            promote(session, program_id)
    return tenant_id, program_id


def _take_and_award(tenant_id: int, program_id: int, sets: int) -> None:
    for _ in range(sets):
        rows = [to_row(program_id, earn_of(purchase()), None, wall_clock()) for _ in range(_SET)]
        with transaction(tenant_id) as session:
            accept(session, rows)
    left = sets * _SET
    while left:
        with transaction(tenant_id) as session:
            left -= award_activities(session, [], now(session)).count


def _show(title: str, costs: dict[str, Cost], purchases: int) -> None:
    table = Table("statement", "times", "Postgres µs", "here µs", title=title)
    for statement, cost in sorted(costs.items(), key=lambda one: -one[1].postgres_ns):
        each = (ns / purchases / 1000 for ns in (cost.postgres_ns, cost.here_ns))
        table.add_row(statement, str(cost.times), *(f"{us:.1f}" for us in each))
    Console().print(table)


def main() -> int:
    """Prints a table for each of the two."""
    asked = argparse.ArgumentParser(prog="python -m bench.statements", description=__doc__)
    asked.add_argument("--sets", type=int, default=_SETS)
    sets = asked.parse_args().sets
    give_up_after(_MOST_S)
    with servers() as running:
        work_in(running, "statements")
        watch = Watch()
        for title, promote in (("the earn rate alone", None), ("ten promotions", in_force)):
            tenant_id, program_id = _opened(title.replace(" ", "-"), promote)
            _take_and_award(tenant_id, program_id, _WARM_UP)
            watch.forget()
            _take_and_award(tenant_id, program_id, sets)
            _show(title, watch.costs, sets * _SET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
