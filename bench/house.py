"""Our own house, started as `loyalty up` starts it, with tenants to measure in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass

from bench.book import open_book
from bench.load import Address
from bench.purchases import MEMBERS
from bench.servers import HOST, Database, Processes, Servers, answers, served, until
from loyalty.cli import parts
from loyalty.cli.migrate import upgrade
from loyalty.clock import wall_clock
from loyalty.embedded.valkey import free_port

_DATABASE = "ours"
_ALIKE = 0.03  # part of a row's width by which two ways of writing it may differ


@dataclass(frozen=True, slots=True)
class Shop:
    """A tenant with one program, its members, and an API key of its tills."""

    tenant_id: int
    program_id: int
    key: str


class House:
    """Web (with the no-op door), worker, sweeper and beat on a database of their own."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self.env = servers.environment(_DATABASE, 0)
        self.database = Database(servers, _DATABASE)
        self.processes = Processes(servers.folder, self.env)
        self.address: Address = (HOST, free_port())

    def start(self) -> None:
        """Migrates and starts everything; ready when a purchase would be credited."""
        self._servers.make_database(_DATABASE)
        upgrade(self.env["DATABASE_OWNER_URL"])
        os.environ.update(self.env)  # the house's own modules read it once, from here on
        self.processes.start(served("bench.noop_app:app", "web", self.address[1]))
        for part in (parts.worker(), parts.sweeper(), parts.beat()):
            self.processes.start(part)
        until(self._is_ready, "web, worker, sweeper and beat")

    def shop(self, slug: str, members: int = MEMBERS) -> Shop:
        """A fresh tenant, all of whose members have points to burn."""
        from loyalty.tenants.add_key import add_key
        from loyalty.tenants.add_tenant import add_tenant
        from loyalty.tenants.roles import Role
        from loyalty.transaction import across_tenants, transaction

        at = wall_clock()
        with across_tenants() as session:
            tenant_id = add_tenant(session, slug, slug.title(), at)
        with transaction(tenant_id) as session:
            program_id = open_book(session, members)
            _, key = add_key(
                session,
                tenant_id=tenant_id,
                name="tills",
                role=Role.SERVER,
                scopes=None,
                sources=None,
                expires_at=None,
                at=at,
            )
        return Shop(tenant_id, program_id, key)

    def is_done(self) -> bool:
        """Whether every accepted purchase is judged."""
        return not self.database.rows("SELECT 1 FROM unsettled LIMIT 1")

    def credited(self, bodies: Iterable[bytes]) -> tuple[int, float]:
        """How many of the accepted purchases have an award, and the last commit of one (epoch)."""
        [(count, last)] = self.database.rows(
            "SELECT count(*), max(extract(epoch FROM pg_xact_commit_timestamp(xmin)))"
            " FROM award WHERE activity_id = ANY(%s::uuid[])",
            ids_of(bodies),
        )
        return count, float(last or 0)

    def waits_s(self, bodies: Iterable[bytes]) -> list[float]:
        """From when a purchase had arrived to when its award was committed, by Postgres' stamps."""
        rows = self.database.rows(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(w.xmin) - a.recorded_at)"
            " FROM award w JOIN activity a ON a.tenant_id = w.tenant_id AND a.id = w.activity_id"
            " WHERE w.activity_id = ANY(%s::uuid[])",
            ids_of(bodies),
        )
        return [float(row[0]) for row in rows]

    def must_be_alike(self, tenant_id: int, other_id: int) -> None:
        """Rows of the two tenants are as wide as each other. Raises AssertionError."""
        for table in ("activity", "award", "entry", "lot"):
            widths = dict(
                self.database.rows(
                    f"SELECT tenant_id, avg(pg_column_size(t.*)) FROM {table} t"
                    " WHERE tenant_id IN (%s, %s) GROUP BY tenant_id",
                    tenant_id,
                    other_id,
                )
            )
            ours, theirs = float(widths[tenant_id]), float(widths[other_id])
            if abs(ours - theirs) > _ALIKE * ours:
                raise AssertionError(f"{table}: {ours:.0f} bytes a row here, {theirs:.0f} there")

    def stop(self) -> None:
        """Ends the processes."""
        self.processes.stop()
        self.database.close()

    def _is_ready(self) -> bool:
        """Every queue has a worker that works, and beat ticks."""
        if not answers(f"http://{HOST}:{self.address[1]}/readyz"):
            return False
        import redis

        from loyalty.tasks.ops import canary

        with redis.Redis.from_url(self.env["REDIS_URL"]) as client:
            for queue in ("award", "sweep"):
                canary.apply_async((f"bench-{queue}",), queue=queue)
            return bool(
                client.get("loyalty:heartbeat")
                and client.get("loyalty:canary:bench-award")
                and client.get("loyalty:canary:bench-sweep")
            )


def ids_of(bodies: Iterable[bytes]) -> list[str]:
    """The ids in the answers to single purchases and to batches."""
    found: list[str] = []
    for body in bodies:
        told = json.loads(body)
        found += [one["id"] for one in told["results"]] if "results" in told else [told["id"]]
    return found
