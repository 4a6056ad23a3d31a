"""Load over HTTP that can be checked to the point: enrol, buy, wait until awarded, burn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from rich.progress import Progress

from loyalty.cli.client import Door
from loyalty.cli.console import out, say
from loyalty.cli.demo import purchase
from loyalty.cli.migrate import see_to_tenant
from loyalty.cli.tokens import token
from loyalty.cli.trouble import Trouble
from loyalty.tenants.roles import Role

PROGRAM = "load"
_THREADS = 32
_SETTLED_WITHIN_S = 120.0
_HOURS = timedelta(hours=12)

Advance = Callable[[], None]


@dataclass(slots=True)
class Load:
    """Members of a run, of which nobody has heard before, and how to call for them."""

    shop: Door
    members: list[str]
    accepted: list[str] = field(default_factory=list)  # transaction ids that were answered 202

    def path(self, member_id: str) -> str:
        """The member's own path."""
        return f"/programs/{PROGRAM}/members/{member_id}"

    def enrol(self, member_id: str) -> None:
        """Joins."""
        self.shop.must("POST", f"/programs/{PROGRAM}/members", {"member_id": member_id})

    def buy(self, member_id: str, points: int) -> None:
        """One purchase worth `points`; remembered as accepted once it is answered so."""
        earn = purchase(member_id, str(points))
        self.shop.must("POST", f"/programs/{PROGRAM}/earns", earn)
        self.accepted.append(earn["transaction_id"])

    def burn(self, member_id: str, points: int) -> None:
        """Spends `points`."""
        key = {"Idempotency-Key": uuid4().hex}
        self.shop.must("POST", f"{self.path(member_id)}/redemptions", {"points": points}, key)

    def available(self, member_id: str) -> int:
        """What the member can spend."""
        return int(self.shop.must("GET", self.path(member_id))["points"]["available"])


def prepare(url: str, tenant: str, members: int) -> Load:
    """Sees to the tenant and to a program in which 1 USD is 1 point."""
    see_to_tenant(tenant)
    admin = Door(url, token(tenant, Role.ADMIN, "load", _HOURS))
    rate = {"points": 1, "per": "1"}
    admin.see_to("/programs", {"slug": PROGRAM, "name": "Load", "earn_rate": rate})
    run = uuid4().hex[:8]
    shop = Door(url, token(tenant, Role.SERVER, "load", _HOURS))
    return Load(shop, [f"{run}-{number:05}" for number in range(members)])


def load(url: str, tenant: str, *, members: int, times: int, points: int, burn: int) -> None:
    """Runs it and says how fast. Raises Trouble when a balance is not what it must be."""
    run = prepare(url, tenant, members)
    with _pool() as pool:
        with _timed(f"{members} members join", members) as done:
            in_parallel(pool, run.enrol, run.members, done)
        earned = [member for _ in range(times) for member in run.members]
        with _timed(f"{members * times} purchases of {points} points", len(earned)) as done:
            in_parallel(pool, lambda member: run.buy(member, points), earned, done)
            wait_until_awarded(run, pool, times * points * members)
        if burn:
            with _timed(f"{members} burns of {burn} points", members) as done:
                in_parallel(pool, lambda member: run.burn(member, burn), run.members, done)
        expected = times * points - burn
        wrong = [
            f"{member} has {found}"
            for member, found in zip(run.members, pool.map(run.available, run.members), strict=True)
            if found != expected
        ]
    if wrong:
        raise Trouble(f"Each should have {expected} points, but {wrong[0]}: see `audit`.")
    say(f"[bold green]✓[/] each of {members} members has {expected} points, to the point")


def wait_until_awarded(run: Load, pool: ThreadPoolExecutor, expected: int) -> int:
    """Waits until the members together have `expected` points; returns what they have at last."""
    deadline = time.monotonic() + _SETTLED_WITHIN_S
    while True:
        total = sum(pool.map(run.available, run.members))
        if total >= expected or time.monotonic() > deadline:
            return total
        time.sleep(0.05)


def in_parallel(
    pool: ThreadPoolExecutor,
    call: Callable[[str], None],
    members: Iterable[str],
    done: Advance,
) -> None:
    """Calls for each member, as many at once as there are threads."""

    def one(member: str) -> None:
        call(member)
        done()

    for _ in pool.map(one, members):
        pass


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, "load")


@contextmanager
def _timed(what: str, count: int) -> Iterator[Advance]:
    """Shows progress while it takes, and afterwards how many it were a second."""
    begun = time.monotonic()
    with Progress(console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task(what, total=count)
        yield lambda: progress.advance(task)
    took_s = time.monotonic() - begun
    say(f"  {what}: {took_s:.1f} s, {count / took_s:,.0f} a second")
