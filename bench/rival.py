"""The peer, started with the processes and threads that ours has, on the same servers."""

from __future__ import annotations

import subprocess
import sys

from bench.load import Address
from bench.purchases import MEMBERS
from bench.servers import HOST, Processes, Servers, answers, celery_worker, served, until
from loyalty.cli.parts import ROOT
from loyalty.embedded.postgres import OWNER
from loyalty.embedded.valkey import free_port

_DATABASE = "peer"


class Rival:
    """Web and worker of bench/peer on a database and a Valkey number of their own."""

    key = "peer-key-of-the-tills"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self.env = {
            "DATABASE_URL": servers.postgres.url(OWNER, _DATABASE),
            "REDIS_URL": servers.valkey.url(1),
        }
        self.processes = Processes(servers.folder, self.env)
        self.address: Address = (HOST, free_port())

    def start(self) -> None:
        """Makes tables and members, starts both; ready when the web answers."""
        self._servers.make_database(_DATABASE)
        subprocess.run(
            [sys.executable, "-m", "bench.peer.seed", self.key, str(MEMBERS)],
            cwd=ROOT,
            env={**self.processes.env},
            check=True,
        )
        self.processes.start(served("bench.peer.app:app", "peer-web", self.address[1]))
        self.processes.start(celery_worker("bench.peer.tasks", "peer-worker"))
        until(lambda: answers(f"http://{HOST}:{self.address[1]}/healthz"), "the peer")

    def tidy(self) -> None:
        """Fresh statistics; no vacuum and no checkpoint left over for what is measured next."""
        with self._servers.superuser(_DATABASE) as connection, connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")

    def open_purchases(self) -> int:
        """How many accepted purchases are not credited yet."""
        with self._servers.superuser(_DATABASE) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM purchases WHERE status <> 'awarded'")
            return int(cursor.fetchall()[0][0])

    def must_be_credited(self, ids: list[int]) -> None:
        """Every accepted purchase has one entry. Raises AssertionError."""
        with self._servers.superuser(_DATABASE) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM ledger_entries WHERE purchase_id = ANY(%s)", (ids,)
            )
            credited = int(cursor.fetchall()[0][0])
        if credited != len(ids):
            raise AssertionError(f"{len(ids)} purchases were accepted, {credited} credited")

    def stop(self) -> None:
        """Ends the processes."""
        self.processes.stop()
